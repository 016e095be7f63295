//! The type that stands for the interface in a plugin set.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ItemTrait;

use crate::{expand::Paths, options::Options};

pub(crate) fn plugin(
    item: &ItemTrait,
    checks: &[TokenStream],
    options: &Options,
    paths: &Paths,
) -> TokenStream {
    let (interface, vis, root, rpc) = (&item.ident, &item.vis, &paths.root, &paths.private);
    let plugin = format_ident!("{interface}Plugin");
    let doc = format!(
        "The plugin whose interface is [`{interface}`]: register it under the same name on both sides."
    );
    let new =
        format!("The plugin side: hosts that dispense this get `implementation` as their [`{interface}`].");
    let grpc = options.grpc.then(|| {
        quote! {
            fn grpc(&self) -> ::std::option::Option<&dyn #root::GrpcPlugin<dyn #interface>> {
                ::std::option::Option::Some(self)
            }
        }
    });
    quote! {
        #[doc = #doc]
        #[derive(Clone)]
        #vis struct #plugin {
            implementation: ::std::option::Option<::std::sync::Arc<dyn #interface>>,
        }

        #[allow(dead_code)]
        impl #plugin {
            #[doc = #new]
            #vis fn new(implementation: impl #interface) -> Self {
                Self::shared(::std::sync::Arc::new(implementation))
            }

            /// As [`new`](Self::new), for an object that something else holds too.
            #vis fn shared(implementation: ::std::sync::Arc<dyn #interface>) -> Self {
                Self { implementation: ::std::option::Option::Some(implementation) }
            }

            /// The host side: there is nothing to serve, only to dispense.
            #vis fn client() -> Self {
                Self { implementation: ::std::option::Option::None }
            }

            /// What [`new`](Self::new) or [`shared`](Self::shared) was given.
            ///
            /// # Errors
            /// This is the host side, made with [`client`](Self::client).
            #vis fn implementation(&self) -> #root::Result<::std::sync::Arc<dyn #interface>> {
                self.implementation.clone().ok_or_else(|| #rpc::no_implementation(::std::stringify!(#plugin)))
            }
        }

        #[automatically_derived]
        impl ::std::fmt::Debug for #plugin {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(::std::stringify!(#plugin))
            }
        }

        #[automatically_derived]
        impl #root::Plugin for #plugin where #(#checks),* {
            type Interface = dyn #interface;

            fn netrpc(&self) -> ::std::option::Option<&dyn #root::NetRpcPlugin<dyn #interface>> {
                ::std::option::Option::Some(self)
            }

            #grpc
        }

        #[automatically_derived]
        impl #root::NetRpcPlugin<dyn #interface> for #plugin where #(#checks),* {
            fn server(&self, _: #rpc::MuxBroker) -> #root::Result<::std::boxed::Box<dyn #rpc::Service>> {
                ::std::result::Result::Ok(<dyn #interface as #root::Interface>::service(self.implementation()?))
            }

            fn client(&self, rpc: #rpc::RpcClient) -> #root::Result<::std::sync::Arc<dyn #interface>> {
                ::std::result::Result::Ok(<dyn #interface as #root::Interface>::client(rpc))
            }

            fn check_server(&self) -> #root::Result<()> {
                self.implementation().map(::std::mem::drop)
            }
        }
    }
}
