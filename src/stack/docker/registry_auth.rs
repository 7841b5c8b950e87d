//! Credentials for a registry, from where docker's own command keeps them: `config.json` and its credential helpers.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A helper asks a keychain, perhaps a person: it gets this long.
const HELPER_LIMIT: Duration = Duration::from_secs(10);
/// Docker Hub's name in the file.
const HUB: &str = "https://index.docker.io/v1/";

/// The folder of docker's configuration: `DOCKER_CONFIG`, else `~/.docker`.
pub(super) fn config_folder(var: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let given = |name: &str| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given("DOCKER_CONFIG").or_else(|| Some(given("HOME")?.join(".docker")))
}

/// What the user is logged in with at `registry`; nothing when there is nothing, or it can't be read: the registry then
/// says whether that matters.
pub(super) async fn credentials(registry: &str) -> Option<DockerCredentials> {
    let folder = config_folder(&|name| std::env::var(name).ok())?;
    let text = tokio::fs::read(folder.join("config.json")).await.ok()?;
    let config: Value = serde_json::from_slice(&text).ok()?;
    let key = if registry == "docker.io" { HUB } else { registry };
    match source(&config, key) {
        Source::Helper(helper) => ask_helper(&helper, key).await,
        Source::Here(credentials) => Some(*credentials),
        Source::Nowhere => None,
    }
}

#[derive(Debug, PartialEq)]
enum Source {
    Helper(String),
    Here(Box<DockerCredentials>),
    Nowhere,
}

/// A helper for this registry, else one for all, else what stands in the file itself.
fn source(config: &Value, key: &str) -> Source {
    let helper = config.get("credHelpers").and_then(|helpers| helpers.get(key)).or_else(|| config.get("credsStore"));
    if let Some(helper) = helper.and_then(Value::as_str).filter(|helper| is_plain(helper)) {
        return Source::Helper(helper.to_owned());
    }
    let Some(auths) = config.get("auths").and_then(Value::as_object) else { return Source::Nowhere };
    let wanted = bare(key);
    let Some((_, entry)) = auths.iter().find(|(name, _)| bare(name) == wanted) else { return Source::Nowhere };
    let field = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut credentials = DockerCredentials {
        serveraddress: Some(key.to_owned()),
        identitytoken: field("identitytoken").filter(|token| !token.is_empty()),
        ..DockerCredentials::default()
    };
    let decoded =
        field("auth").and_then(|auth| STANDARD.decode(auth).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((user, password)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) {
        credentials.username = Some(user.to_owned());
        credentials.password = Some(password.trim_end_matches('\0').to_owned());
    }
    if credentials.username.is_none() && credentials.identitytoken.is_none() {
        return Source::Nowhere;
    }
    Source::Here(Box::new(credentials))
}

/// A helper's name becomes part of a program's name: it is never a path.
fn is_plain(helper: &str) -> bool {
    !helper.is_empty() && helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// `https://HOST/v1/` and `HOST` are one registry.
fn bare(name: &str) -> &str {
    let name = name.trim_start_matches("https://").trim_start_matches("http://");
    name.split('/').next().unwrap_or(name)
}

async fn ask_helper(helper: &str, key: &str) -> Option<DockerCredentials> {
    let mut child = Command::new(format!("docker-credential-{helper}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    stdin.write_all(key.as_bytes()).await.ok()?;
    drop(stdin);
    let output = tokio::time::timeout(HELPER_LIMIT, child.wait_with_output()).await.ok()?.ok()?;
    if !output.status.success() {
        return None;
    }
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    let field = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let (user, secret) = (field("Username")?, field("Secret")?);
    let mut credentials = DockerCredentials { serveraddress: Some(key.to_owned()), ..DockerCredentials::default() };
    if user == "<token>" {
        credentials.identitytoken = Some(secret);
    } else {
        credentials.username = Some(user);
        credentials.password = Some(secret);
    }
    Some(credentials)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_login_in_the_file_is_found_under_any_form_of_the_registrys_name() {
        let auth = STANDARD.encode("me:secret:with:colons");
        for name in ["registry.example", "https://registry.example", "https://registry.example/v2/"] {
            let config = json!({"auths": {name: {"auth": auth}}});
            let Source::Here(found) = source(&config, "registry.example") else { panic!("{name}") };
            assert_eq!(found.username.as_deref(), Some("me"));
            assert_eq!(found.password.as_deref(), Some("secret:with:colons"));
        }
        let config = json!({"auths": {HUB: {"auth": auth}}});
        assert!(matches!(source(&config, HUB), Source::Here(_)));
    }

    #[test]
    fn a_helper_wins_and_is_never_a_path() {
        let config = json!({"credsStore": "desktop", "credHelpers": {"gcr.io": "gcloud"}, "auths": {"gcr.io": {}}});
        assert_eq!(source(&config, "gcr.io"), Source::Helper("gcloud".into()));
        assert_eq!(source(&config, HUB), Source::Helper("desktop".into()));
        assert_eq!(source(&json!({"credsStore": "../../bin/sh"}), HUB), Source::Nowhere);
    }

    #[test]
    fn no_login_is_no_credentials() {
        for config in
            [json!({}), json!({"auths": {}}), json!({"auths": {"a": {}}}), json!({"auths": {"a": {"auth": "%%"}}})]
        {
            assert_eq!(source(&config, "a"), Source::Nowhere, "{config}");
        }
    }
}
