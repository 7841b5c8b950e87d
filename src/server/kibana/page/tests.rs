//! The page's API, over a socket, with a stand-in for Elasticsearch.
