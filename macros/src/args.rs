//! From parameters to the one argument of a net/rpc call, and back.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

use crate::{expand::Paths, method::Method, names, options::Shape, param::Param};

/// The code around a call.
pub(crate) struct Argument {
    /// Items that the code below needs.
    pub(crate) items: TokenStream,
    /// Client: an expression, the argument to send.
    pub(crate) encode: TokenStream,
    /// Service: statements that decode the argument while the connection's decoder is at hand.
    pub(crate) decode: TokenStream,
    /// Service: statements that turn what was decoded into one local per parameter, named like it; they may await
    /// and may fail with a text.
    pub(crate) unpack: TokenStream,
}

pub(crate) fn argument(method: &Method, paths: &Paths) -> Argument {
    match (method.params.as_slice(), method.shape) {
        ([], _) => none(method, paths),
        ([param], Shape::Value) => value(param, paths),
        (_, Shape::Map) => map(method, paths),
        (_, Shape::Value | Shape::Fields) => fields(method, paths),
    }
}

fn none(method: &Method, paths: &Paths) -> Argument {
    let rpc = &paths.private;
    let ty = method.nothing.args.as_ref().map_or_else(|| quote!(#rpc::Nil), |ty| quote!(#ty));
    Argument {
        items: quote!(),
        encode: quote!(<<#ty as #rpc::Placeholder>::Nothing as ::std::default::Default>::default()),
        decode: quote!(__args.discard()?;),
        unpack: quote!(),
    }
}

fn value(param: &Param, paths: &Paths) -> Argument {
    let rpc = &paths.private;
    let (ident, received) = (&param.ident, param.received(rpc));
    Argument {
        items: quote!(),
        encode: param.sent(rpc),
        decode: quote!(let #ident = __args.decode::<#rpc::AtOnce<#received>>()?.0;),
        unpack: quote!(),
    }
}

/// The structs are generic, so that an unfit type is reported where the user wrote it and not in a derive.
fn fields(method: &Method, paths: &Paths) -> Argument {
    let Paths { private: rpc, serde, gob, .. } = paths;
    let received = Received::new(method, paths);
    let Received { fields, types, wire, .. } = &received;
    let name = format!("{}Args", names::pascal(&method.ident));
    let sent = format_ident!("__{}_args", method.ident);
    let values = method.params.iter().map(|param| param.sent(rpc));
    let owned = method.params.iter().map(|param| param.received(rpc));
    let (decoded, item, idents) = (&received.ident, &received.item, idents(method));
    Argument {
        items: quote! {
            #[derive(#rpc::serde::Serialize, #rpc::serde_gob::GobType)]
            #[serde(crate = #serde, rename = #name)]
            #[gob(crate = #gob)]
            #[allow(non_camel_case_types)]
            struct #sent<#(#types),*> {
                #(#[serde(rename = #wire)] #fields: #types,)*
            }
            #item
        },
        encode: quote!(#sent { #(#fields: #values),* }),
        decode: quote!(let __args = __args.decode::<#decoded<#(#rpc::AtOnce<#owned>),*>>()?;),
        unpack: quote!(#(let #idents = #rpc::or_zero(__args.#fields)?;)*),
    }
}

fn map(method: &Method, paths: &Paths) -> Argument {
    let rpc = &paths.private;
    let Received { ident: decoded, item, fields, wire, .. } = Received::new(method, paths);
    let values = method.params.iter().map(|param| param.sent(rpc));
    let owned = method.params.iter().map(|param| param.received(rpc));
    let names = method.params.iter().map(|param| param.registered(rpc));
    let idents = idents(method);
    Argument {
        items: item,
        encode: quote!(#rpc::MapArgs::new() #(.with::<#names, _>(#wire, #values))*),
        decode: quote! {
            let __args = __args.decode::<#rpc::FromMap<#decoded<#(#rpc::FromInterface<#rpc::AtOnce<#owned>>),*>>>()?.0;
        },
        unpack: quote!(#(let #idents = #rpc::or_zero(__args.#fields.map(|value| value.0))?;)*),
    }
}

/// The struct that the parameters are decoded as. Its fields are optional: what the sender's struct or map lacks is
/// zero, as it is in Go.
struct Received {
    ident: Ident,
    item: TokenStream,
    fields: Vec<Ident>,
    types: Vec<Ident>,
    wire: Vec<String>,
}

impl Received {
    fn new(method: &Method, Paths { private: rpc, serde, .. }: &Paths) -> Self {
        let name = format!("{}Args", names::pascal(&method.ident));
        let ident = format_ident!("__{}_args_received", method.ident);
        let (fields, types): (Vec<_>, Vec<_>) =
            (0..method.params.len()).map(|n| (format_ident!("f{n}"), format_ident!("__T{n}"))).unzip();
        let wire = method.wire_names.clone();
        let item = quote! {
            #[derive(#rpc::serde::Deserialize)]
            #[serde(crate = #serde, rename = #name)]
            #[allow(non_camel_case_types)]
            struct #ident<#(#types),*> {
                #(#[serde(rename = #wire)] #fields: ::std::option::Option<#types>,)*
            }
        };
        Self { ident, item, fields, types, wire }
    }
}

fn idents(method: &Method) -> Vec<&Ident> {
    method.params.iter().map(|param| &param.ident).collect()
}
