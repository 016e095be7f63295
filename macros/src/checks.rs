//! What the types in a trait must be, checked where the user wrote them.
//!
//! The predicates go onto every generated impl: a compiler that finds one unfulfilled says so once, at the type, and
//! does not go on to complain about what the impl does with the type.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::{expand::Paths, method::Method, options::Shape, param::Kind};

pub(crate) fn predicates(methods: &[Method], paths: &Paths) -> Vec<TokenStream> {
    let rpc = &paths.private;
    let mut predicates = Vec::new();
    for method in methods {
        predicates.push(at(method.output.span(), &method.output, quote!(#rpc::MethodResult)));
        for param in &method.params {
            let span = param.ty.span();
            match &param.kind {
                Kind::Value => predicates.push(at(span, &param.ty, quote!(#rpc::Parameter))),
                Kind::Ref(ty) => predicates.push(at(ty.span(), ty, quote!(#rpc::ParameterRef))),
                Kind::Callback(ty) | Kind::OptionalCallback(ty) => {
                    predicates.push(at(ty.span(), ty, paths.item("Interface")));
                }
            }
            if method.shape == Shape::Map {
                predicates.push(at(span, &param.registered(rpc), quote!(#rpc::Registered)));
            }
        }
        for ty in [&method.nothing.args, &method.nothing.reply].into_iter().flatten() {
            predicates.push(at(ty.span(), ty, quote!(#rpc::Placeholder)));
        }
    }
    predicates
}

/// A predicate all of whose own tokens have the span of the type: that is where the compiler points.
fn at(span: Span, ty: &impl ToTokens, bound: TokenStream) -> TokenStream {
    let bound: TokenStream = bound
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect();
    quote_spanned!(span=> #ty: #bound)
}
