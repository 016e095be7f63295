//! Puts the generated parts together.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Error, Ident, Item, ItemImpl, ItemTrait, Path, TypeParamBound, parse_quote, spanned::Spanned};

use crate::{
    args::{Argument, argument},
    checks::predicates,
    client::client,
    method::{self, Method},
    options::Options,
    plugin::plugin,
    service::service,
};

/// How generated code refers to things.
pub(crate) struct Paths {
    /// The crate `go_plugin`.
    pub(crate) root: Path,
    /// What only generated code uses.
    pub(crate) private: TokenStream,
    /// `private::serde` and `private::serde_gob`, as the derives want them.
    pub(crate) serde: String,
    pub(crate) gob: String,
    /// Names of the generated types: odd, so that they shadow nothing that the user's signatures name.
    pub(crate) client: Ident,
    pub(crate) service: Ident,
}

impl Paths {
    fn new(root: &Path, interface: &Ident) -> Self {
        let text = root.to_token_stream().to_string().replace(' ', "");
        Self {
            root: root.clone(),
            private: quote!(#root::__private),
            serde: format!("{text}::__private::serde"),
            gob: format!("{text}::__private::serde_gob"),
            client: format_ident!("__{interface}Client"),
            service: format_ident!("__{interface}Service"),
        }
    }

    /// A public item of `go_plugin`.
    pub(crate) fn item(&self, name: &str) -> TokenStream {
        let (root, name) = (&self.root, format_ident!("{name}"));
        quote!(#root::#name)
    }
}

pub(crate) fn interface(attribute: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<Item>(item) {
        Ok(Item::Trait(item)) => on_trait(attribute, item),
        Ok(Item::Impl(item)) if item.trait_.is_some() => on_impl(attribute, &item),
        Ok(other) => {
            let message = "`#[interface]` goes on a trait, or on an `impl Trait for Type`";
            let error = Error::new(other.span(), message).into_compile_error();
            quote!(#error #other)
        }
        Err(error) => error.into_compile_error(),
    }
}

/// A derive cannot call another one's code; this has `serde_gob`'s own macro do the work, and says where to find it.
pub(crate) fn gob_type(item: TokenStream) -> TokenStream {
    quote! {
        ::go_plugin::__private::serde_gob::__private::gob_type! {
            ::go_plugin::__private::serde_gob;
            #item
        }
    }
}

fn on_impl(attribute: TokenStream, item: &ItemImpl) -> TokenStream {
    match Options::parse(attribute) {
        Ok(options) => {
            let root = options.krate;
            let mut item = item.clone();
            let marker = marker();
            item.items.push(parse_quote!(fn #marker() where Self: Sized {}));
            quote!(#[#root::__private::async_trait] #item)
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#error #[::go_plugin::__private::async_trait] #item)
        }
    }
}

/// A method that every implementation must have, and that the attribute adds to it: where the attribute is forgotten,
/// this name is the part of the compiler's message that makes sense. The rest is about lifetimes.
fn marker() -> Ident {
    format_ident!("put_the_attribute_go_plugin_interface_on_this_impl")
}

fn with_marker(mut item: ItemTrait) -> ItemTrait {
    let marker = marker();
    item.items.push(parse_quote!(#[doc(hidden)] fn #marker() where Self: Sized;));
    item
}

fn on_trait(attribute: TokenStream, mut item: ItemTrait) -> TokenStream {
    let generated = Options::parse(attribute).and_then(|options| {
        let methods = method::read(&mut item, &options)?;
        let bounds: [TypeParamBound; 3] = [parse_quote!(Send), parse_quote!(Sync), parse_quote!('static)];
        item.supertraits.extend(bounds);
        Ok(generate(&item, methods, &options))
    });
    generated.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        // The trait stays, so that one mistake is not followed by complaints about a missing name.
        strip(&mut item);
        let item = with_marker(item);
        quote!(#error #[::go_plugin::__private::async_trait] #item)
    })
}

fn generate(item: &ItemTrait, methods: Vec<Method>, options: &Options) -> TokenStream {
    let interface = &item.ident;
    let paths = Paths::new(&options.krate, interface);
    let checks = predicates(&methods, &paths);
    let go_names: Vec<_> = methods.iter().map(|method| method.go_name.clone()).collect();
    let methods: Vec<(Method, Argument)> = methods
        .into_iter()
        .map(|method| {
            let argument = argument(&method, &paths);
            (method, argument)
        })
        .collect();
    let items = methods.iter().map(|(_, argument)| &argument.items);
    let plugin = plugin(item, &checks, options, &paths);
    let client_type = client(item, &methods, &checks, &marker(), &paths);
    let service_type = service(item, &methods, &checks, &paths);
    let Paths { root, private: rpc, client, service, .. } = &paths;
    let name = interface.to_string();
    let item = with_marker(item.clone());
    quote! {
        #[#rpc::async_trait]
        #item

        #plugin

        const _: () = {
            #(#items)*

            #client_type

            #service_type

            #[automatically_derived]
            impl #root::Interface for dyn #interface where #(#checks),* {
                const NAME: &'static str = #name;
                const METHODS: &'static [&'static str] = &[#(#go_names),*];

                fn service(object: ::std::sync::Arc<Self>) -> ::std::boxed::Box<dyn #rpc::Service> {
                    ::std::boxed::Box::new(#service(object))
                }

                fn client(rpc: #rpc::RpcClient) -> ::std::sync::Arc<Self> {
                    ::std::sync::Arc::new(#client(rpc))
                }
            }
        };
    }
}

/// Removes what only this macro understands.
fn strip(item: &mut ItemTrait) {
    for item in &mut item.items {
        if let syn::TraitItem::Fn(function) = item {
            function.attrs.retain(|attribute| !attribute.path().is_ident("rpc"));
            for input in &mut function.sig.inputs {
                if let syn::FnArg::Typed(typed) = input {
                    typed.attrs.retain(|attribute| !attribute.path().is_ident("rpc"));
                }
            }
        }
    }
}
