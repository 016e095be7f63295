//! What the types in a trait must be, checked where the user wrote them.
//!
//! The predicates go onto every generated impl: a compiler that finds one unfulfilled says so once, at the type, and
//! does not go on to complain about what the impl does with the type.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::{expand::Paths, method::Method, param::Kind};

pub(crate) fn predicates(methods: &[Method], paths: &Paths) -> Vec<TokenStream> {
    let rpc = &paths.private;
    let mut predicates = Vec::new();
    for method in methods {
        predicates.push(at(method.output.span(), &method.output, quote!(#rpc::MethodResult)));
        for param in &method.params {
            let span = param.ty.span();
            match &param.kind {
                Kind::Value => predicates.push(at(span, &param.ty, quote!(#rpc::Message))),
                Kind::Ref(ty) => predicates.push(at(ty.span(), ty, quote!(#rpc::MessageRef))),
                Kind::Callback(ty) | Kind::OptionalCallback(ty) => {
                    predicates.push(at(ty.span(), ty, paths.item("Interface")));
                }
            }
        }
        for ty in [&method.nothing.args, &method.nothing.reply].into_iter().flatten() {
            predicates.push(at(ty.span(), ty, quote!(#rpc::Placeholder)));
        }
    }
    predicates
}

fn at(span: Span, ty: &impl ToTokens, bound: TokenStream) -> TokenStream {
    quote_spanned!(span=> #ty: #bound)
}
