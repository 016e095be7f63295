//! `#[derive(GobType)]`: says the gob type of a Rust type beside serde's `Serialize`.
//!
//! The macro reads the item through serde's own parser, so that renaming and skipping mean the same
//! to both derives: [`attr`] takes what is said in `#[gob(…)]`, [`check`] refuses what Go has no
//! counterpart for, [`shape`] writes the description.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod attr;
mod check;
mod shape;

/// Describes the gob type of a struct or enum. See the documentation of `serde_gob`.
#[proc_macro_derive(GobType, attributes(gob, serde))]
pub fn derive_gob_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    shape::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
