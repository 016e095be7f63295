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

/// Accepts what Go exports; anything else no Go program can have.
pub(crate) fn exported(name: &LitStr, what: &str) -> Result<String> {
    let text = name.value();
    let mut chars = text.chars();
    if chars.next().is_some_and(char::is_uppercase) && chars.all(|c| c.is_alphanumeric() || c == '_') {
        return Ok(text);
    }
    let message = format!(
        "not the name of a {what} in Go: it starts with an upper-case letter and has letters and digits only"
    );
    Err(Error::new(name.span(), message))
}
