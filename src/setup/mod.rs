//! What must exist before ticks flow: the topic and the index template.
