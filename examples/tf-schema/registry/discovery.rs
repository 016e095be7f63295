//! Which services a host has: Terraform's remote service discovery.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use url::Url;

use super::http::Http;

const DOCUMENT: &str = "/.well-known/terraform.json";
const SERVICE: &str = "providers.v1";

/// The base of the provider registry of a host, with a slash at its end.
pub(super) fn providers(http: &Http, host: &Url) -> Result<Url> {
    let nothing = || format!("{host} is no registry of providers");
    let (services, at): (BTreeMap<String, Value>, Url) =
        http.document(&host.join(DOCUMENT)?)?.with_context(nothing)?;
    let Some(Value::String(service)) = services.get(SERVICE) else { bail!(nothing()) };
    base(&at, service)
}

/// Relative to where the document was after all redirects.
fn base(document: &Url, service: &str) -> Result<Url> {
    let mut url = document.join(service).with_context(|| format!("{service:?} is no URL"))?;
    ensure!(["http", "https"].contains(&url.scheme()), "cannot speak to {url}");
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn the_service_is_relative_to_the_document_or_absolute() {
        let document = "https://host/.well-known/terraform.json".parse().unwrap();
        for (service, url) in [
            ("/v1/providers/", "https://host/v1/providers/"),
            ("/v1/providers", "https://host/v1/providers/"),
            ("providers/", "https://host/.well-known/providers/"),
            ("../v1/", "https://host/v1/"),
            ("https://other:8080/v1/?a#b", "https://other:8080/v1/"),
            ("//other/v1/", "https://other/v1/"),
        ] {
            assert_eq!(base(&document, service).unwrap().as_str(), url);
        }
        for service in ["ftp://host/", "https://", "data:text/plain,x"] {
            assert!(base(&document, service).is_err(), "{service}");
        }
    }
}
