//! `#[derive(GobType)]`: says the gob type of a Rust type beside serde's `Serialize`.
//!
//! The macro reads the item through serde's own parser, so that renaming and skipping mean the same
//! to both derives: `attr` takes what is said in `#[gob(…)]`, `check` refuses what Go has no
//! counterpart for, `shape` writes the description.

use proc_macro::TokenStream;
use syn::{DeriveInput, Path, Token, parse::ParseStream, parse_macro_input, parse_quote};

mod attr;
mod check;
mod shape;

/// Describes the gob type of a struct or enum. See the documentation of `serde_gob`.
#[proc_macro_derive(GobType, attributes(gob, serde))]
pub fn derive_gob_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    shape::expand(&input, parse_quote!(::serde_gob)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// `gob_type! { PATH; ITEM }` is what the derive writes for the item, with `serde_gob` at that path: for the derives of
/// crates that re-export it, whose users need not depend on `serde_gob`.
#[doc(hidden)]
#[proc_macro]
pub fn gob_type(input: TokenStream) -> TokenStream {
    let parse = |input: ParseStream<'_>| {
        let krate: Path = input.parse()?;
        input.parse::<Token![;]>()?;
        shape::expand(&input.parse()?, krate)
    };
    syn::parse::Parser::parse(parse, input).unwrap_or_else(syn::Error::into_compile_error).into()
}
