//! The index template, the index's mapping and the dashboard, read back.

use std::collections::BTreeSet;

use serde_json::Value;

use super::check::{Outcome, Trouble};
use super::http::Http;
use crate::pipeline::INDEX;
use crate::setup::{DASHBOARD_ID, TEMPLATE_JSON, TEMPLATE_NAME};

fn wanted_template() -> Result<Value, Trouble> {
    serde_json::from_str(TEMPLATE_JSON)
        .map_err(|error| Trouble::could_not(format!("the template in the binary is not JSON: {error}")))
}

/// Everything that the template in the binary says is in the one that is there.
pub(super) async fn check_template(http: &Http) -> Outcome {
    let answer = http.get(&format!("/_index_template/{TEMPLATE_NAME}")).await?;
    let request = answer.request.clone();
    if answer.status == 404 {
        return Err(Trouble::wrong(format!("the template `{TEMPLATE_NAME}` is not there"))
            .tried(request)
            .next("stockdev template apply"));
    }
    let body = answer.success()?;
    let there = body.pointer("/index_templates/0/index_template").unwrap_or(&Value::Null);
    match difference("", &wanted_template()?, there) {
        None => Ok(format!("`{TEMPLATE_NAME}` is the one in the binary")),
        Some(difference) => Err(Trouble::wrong(format!("the template differs at {difference}")).tried(request)),
    }
}

/// The index has the template's fields, as it says them, and beside them only what ticks bring along.
pub(super) async fn check_mapping(http: &Http, tick_fields: &BTreeSet<String>) -> Outcome {
    let answer = http.get(&format!("/{INDEX}/_mapping")).await?;
    let request = answer.request.clone();
    let body = answer.success()?;
    let there = body.get(INDEX).and_then(|index| index.pointer("/mappings/properties")).unwrap_or(&Value::Null);
    let template = wanted_template()?;
    let wanted = template.pointer("/template/mappings/properties").unwrap_or(&Value::Null);
    if let Some(difference) = difference("", wanted, there) {
        return Err(Trouble::wrong(format!("the mapping differs from the template at {difference}")).tried(request));
    }
    let known = |name: &str| wanted.get(name).is_some() || tick_fields.contains(name);
    let fields = there.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    match fields.iter().find(|name| !known(name)) {
        Some(stranger) => {
            let text = format!("the mapping has the field `{stranger}`, which neither template nor ticks have");
            Err(Trouble::wrong(text).tried(request))
        }
        None => Ok(format!("{} fields, as the template has them", fields.len())),
    }
}

/// Where `there` lacks something of `wanted` or has it otherwise; members that only `there` has are its own.
fn difference(path: &str, wanted: &Value, there: &Value) -> Option<String> {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => wanted.iter().find_map(|(key, value)| {
            let path = format!("{path}/{key}");
            match there.get(key) {
                Some(there) => difference(&path, value, there),
                None => Some(format!("`{path}`: it is not there")),
            }
        }),
        _ if wanted == there => None,
        _ => Some(format!("`{path}`: {there} instead of {wanted}")),
    }
}

/// The dashboard, read back as a saved object.
pub(super) async fn check_dashboard(http: &Http) -> Outcome {
    let answer = http.get(&format!("/api/saved_objects/dashboard/{DASHBOARD_ID}")).await?;
    let request = answer.request.clone();
    if answer.status == 404 {
        return Err(Trouble::wrong(format!("the dashboard `{DASHBOARD_ID}` is not in Kibana"))
            .tried(request)
            .next("stockdev dashboard import"));
    }
    let body = answer.success()?;
    let text = |place: &str| body.pointer(place).and_then(Value::as_str).unwrap_or_default();
    if (text("/id"), text("/type")) != (DASHBOARD_ID, "dashboard") {
        return Err(Trouble::wrong("Kibana gave another object").tried(request).got(body.to_string()));
    }
    let panels: Option<Vec<Value>> = serde_json::from_str(text("/attributes/panelsJSON")).ok();
    match panels.map(|panels| panels.len()) {
        Some(panels) if panels > 0 => Ok(format!("`{}`, {panels} panel(s)", text("/attributes/title"))),
        _ => Err(Trouble::wrong(format!("the dashboard `{DASHBOARD_ID}` has no panels")).tried(request)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::client::ElasticsearchAddress;

    #[test]
    fn what_is_missing_or_other_is_named_and_what_is_more_is_not() {
        let wanted = json!({"a": {"b": 1, "c": ["x"]}});
        let there = |value: Value| difference("", &wanted, &value);
        assert_eq!(there(json!({"a": {"b": 1, "c": ["x"], "more": true}, "created_date": 5})), None);
        assert_eq!(there(json!({"a": {"b": 2, "c": ["x"]}})).unwrap(), "`/a/b`: 2 instead of 1");
        assert_eq!(there(json!({"a": {"b": 1}})).unwrap(), "`/a/c`: it is not there");
        assert_eq!(there(Value::Null).unwrap(), "``: null instead of {\"a\":{\"b\":1,\"c\":[\"x\"]}}");
    }

    /// A server that gives one answer.
    async fn answering(status: &'static str, body: String) -> Http {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let length = socket.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /api/saved_objects/dashboard/stock-stream-dashboard HTTP"));
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
        Http::new("Kibana", &url, &ElasticsearchAddress::new(url.clone())).unwrap()
    }

    #[tokio::test]
    async fn a_dashboard_is_there_with_panels_or_it_is_not() {
        let object = |panels: &str| {
            json!({"id": DASHBOARD_ID, "type": "dashboard", "attributes": {"title": "Ticks", "panelsJSON": panels}})
                .to_string()
        };
        let good = check_dashboard(&answering("200 OK", object("[{},{}]")).await).await;
        assert_eq!(good.unwrap(), "`Ticks`, 2 panel(s)");
        for (status, body, said) in [
            ("200 OK", object("[]"), "has no panels"),
            ("200 OK", json!({"id": "other", "type": "dashboard"}).to_string(), "another object"),
            ("404 Not Found", json!({"statusCode": 404}).to_string(), "is not in Kibana"),
        ] {
            let Err(Trouble::Wrong(finding)) = check_dashboard(&answering(status, body).await).await else {
                panic!("{said}")
            };
            assert!(finding.message.contains(said), "{finding:?}");
        }
        let broken = check_dashboard(&answering("503 Service Unavailable", "{}".to_owned()).await).await;
        assert!(matches!(broken, Err(Trouble::CouldNot(_))));
    }
}
