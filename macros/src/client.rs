//! The trait on a connection.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, ItemTrait};

use crate::{args::Argument, expand::Paths, method::Method};

pub(crate) fn client(
    item: &ItemTrait,
    methods: &[(Method, Argument)],
    checks: &[TokenStream],
    marker: &Ident,
    paths: &Paths,
) -> TokenStream {
    let (interface, rpc, client) = (&item.ident, &paths.private, &paths.client);
    let functions = methods.iter().map(|(method, argument)| {
        let (ident, output, encode) = (&method.ident, &method.output, &argument.encode);
        let service_method = format!("Plugin.{}", method.go_name);
        let params = method.params.iter().map(|param| {
            let (ident, ty) = (&param.ident, &param.ty);
            quote!(#ident: #ty)
        });
        quote_spanned! {ident.span()=>
            async fn #ident(&self, #(#params),*) -> #output {
                #rpc::call(&self.0, #service_method, &#encode).await
            }
        }
    });
    quote! {
        struct #client(#rpc::RpcClient);

        #[#rpc::async_trait]
        #[automatically_derived]
        impl #interface for #client where #(#checks),* {
            #(#functions)*

            fn #marker()
            where
                Self: Sized,
            {
            }
        }
    }
}
