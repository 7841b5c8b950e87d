//! The external stack: whatever answers at the addresses the user gave. Nothing to start, nothing to stop.

use super::endpoints::{Endpoints, InvalidAddress, check_elasticsearch, check_kafka, check_kibana};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExternalError {
    #[error("the external stack needs {flag}: it starts nothing itself")]
    Missing { flag: &'static str },
    #[error(transparent)]
    Invalid(#[from] InvalidAddress),
}

/// Checks the addresses of an external stack.
pub fn endpoints(
    kafka: Option<&str>,
    elasticsearch: Option<&str>,
    kibana: Option<&str>,
) -> Result<Endpoints, ExternalError> {
    let kafka = kafka.ok_or(ExternalError::Missing { flag: "--kafka HOST:PORT" })?;
    let elasticsearch = elasticsearch.ok_or(ExternalError::Missing { flag: "--elasticsearch URL" })?;
    override_with(
        Endpoints { kafka: kafka.into(), elasticsearch: elasticsearch.into(), kibana: None, gcs: None, bigquery: None },
        None,
        None,
        kibana,
    )
}

/// Checks the addresses of a command that may need only some of them; those that are left out are never dialled unasked.
pub fn some(
    kafka: Option<&str>,
    elasticsearch: Option<&str>,
    kibana: Option<&str>,
) -> Result<Endpoints, ExternalError> {
    let nowhere = Endpoints {
        kafka: "127.0.0.1:9092".into(),
        elasticsearch: "http://127.0.0.1:9200".into(),
        kibana: None,
        gcs: None,
        bigquery: None,
    };
    override_with(nowhere, kafka, elasticsearch, kibana)
}

/// Checks the address of a Kibana that is asked on its own.
pub fn kibana(address: &str) -> Result<String, ExternalError> {
    Ok(check_kibana(address)?)
}

/// `base` with the addresses that were given instead.
pub fn override_with(
    base: Endpoints,
    kafka: Option<&str>,
    elasticsearch: Option<&str>,
    kibana: Option<&str>,
) -> Result<Endpoints, ExternalError> {
    let kafka = kafka.map_or(base.kafka, str::to_owned);
    check_kafka(&kafka)?;
    let elasticsearch = check_elasticsearch(elasticsearch.unwrap_or(&base.elasticsearch))?;
    let kibana = match kibana.map(str::to_owned).or(base.kibana) {
        Some(address) => Some(check_kibana(&address)?),
        None => None,
    };
    Ok(Endpoints { kafka, elasticsearch, kibana, gcs: base.gcs, bigquery: base.bigquery })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_are_needed() {
        let error = endpoints(Some("a:1"), None, None).unwrap_err();
        assert_eq!(error.to_string(), "the external stack needs --elasticsearch URL: it starts nothing itself");
    }

    #[test]
    fn a_given_address_replaces_the_running_one() {
        let base = Endpoints {
            kafka: "a:1".into(),
            elasticsearch: "http://a:2".into(),
            kibana: None,
            gcs: None,
            bigquery: None,
        };
        let endpoints = override_with(base, Some("b:1"), None, None).unwrap();
        assert_eq!((endpoints.kafka.as_str(), endpoints.elasticsearch.as_str()), ("b:1", "http://a:2"));
    }
}
