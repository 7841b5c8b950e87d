//! Where Kibana is. (Replaced by the merge.)
use super::ElasticsearchAuth;
#[derive(Debug, Clone)]
pub struct KibanaAddress {
    pub url: String,
    pub auth: Option<ElasticsearchAuth>,
}
pub struct KibanaStatus;
impl KibanaStatus {
    pub fn is_ready(&self) -> bool {
        true
    }
}
impl std::fmt::Display for KibanaStatus {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}
impl KibanaAddress {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), auth: None }
    }
    pub async fn status(&self) -> Result<KibanaStatus, String> {
        let answer =
            reqwest::Client::new().get(format!("{}/api/status", self.url)).send().await.map_err(|e| e.to_string())?;
        if answer.status().is_success() { Ok(KibanaStatus) } else { Err(answer.status().to_string()) }
    }
}
