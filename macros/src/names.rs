//! Go's names.

use syn::{Error, Ident, LitStr, Result, ext::IdentExt};

/// `user_id` as `UserId`.
pub(crate) fn pascal(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    let mut pascal = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut chars = word.chars();
        pascal.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        pascal.push_str(chars.as_str());
    }
    pascal
}

/// The name in Go of what has this name in Rust.
pub(crate) fn default(ident: &Ident, what: &str) -> Result<String> {
    let name = pascal(ident);
    if is_exported(&name) {
        return Ok(name);
    }
    let message =
        format!("`{name}` is not the name of a {what} in Go; give it one with `#[rpc(name = \"…\")]`");
    Err(Error::new(ident.span(), message))
}

fn is_exported(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// Accepts what Go exports; anything else no Go program can have.
pub(crate) fn exported(name: &LitStr, what: &str) -> Result<String> {
    let text = name.value();
    if is_exported(&text) {
        return Ok(text);
    }
    let message = format!(
        "not the name of a {what} in Go: it starts with an upper-case letter and has letters and digits only"
    );
    Err(Error::new(name.span(), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::Span;

    #[test]
    fn rust_names_become_go_names() {
        for (rust, go) in [
            ("greet", "Greet"),
            ("get_schema", "GetSchema"),
            ("user_id", "UserId"),
            ("v2", "V2"),
            ("get__it", "GetIt"),
            ("_hidden", "Hidden"),
            ("r#type", "Type"),
            ("straße", "Straße"),
            ("élan", "Élan"),
        ] {
            let ident: Ident = syn::parse_str(rust).expect("an identifier");
            assert_eq!(pascal(&ident), go, "{rust}");
        }
    }

    #[test]
    fn only_what_go_exports_is_a_name() {
        for (name, fits) in [
            ("Greet", true),
            ("GetSchemaV2", true),
            ("Get_It", true),
            ("Élan", true),
            ("greet", false),
            ("", false),
            ("_Greet", false),
            ("2nd", false),
            ("Plugin.Greet", false),
            ("Get It", false),
        ] {
            let literal = LitStr::new(name, Span::call_site());
            assert_eq!(exported(&literal, "method").is_ok(), fits, "{name}");
        }
    }
}
