//! The trait behind a connection.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemTrait;

use crate::{args::Argument, expand::Paths, method::Method};

pub(crate) fn service(
    item: &ItemTrait,
    methods: &[(Method, Argument)],
    checks: &[TokenStream],
    paths: &Paths,
) -> TokenStream {
    let (interface, rpc, service) = (&item.ident, &paths.private, &paths.service);
    let arms = methods.iter().map(|(method, Argument { decode, unpack, .. })| {
        let (ident, go_name, output) = (&method.ident, &method.go_name, &method.output);
        let reply = method.nothing.reply.as_ref().map_or_else(|| quote!(#rpc::Nil), |ty| quote!(#ty));
        let values = method.params.iter().map(|param| {
            let ident = &param.ident;
            param.passed(&quote!(#ident), rpc)
        });
        quote! {
            #go_name => {
                #decode
                let __object = ::std::sync::Arc::clone(&self.0);
                ::std::result::Result::Ok(::std::boxed::Box::pin(async move {
                    #unpack
                    let __result = #interface::#ident(&*__object, #(#values),*).await;
                    #rpc::reply::<#output, #reply>(__result)
                }))
            }
        }
    });
    quote! {
        struct #service(::std::sync::Arc<dyn #interface>);

        #[automatically_derived]
        #[allow(deprecated)]
        impl #rpc::Service for #service where #(#checks),* {
            fn dispatch(
                &self,
                __method: &str,
                __args: #rpc::Args<'_>,
            ) -> ::std::result::Result<#rpc::Handling, #rpc::DispatchError> {
                match __method {
                    #(#arms)*
                    _ => ::std::result::Result::Err(__args.unknown_method()),
                }
            }
        }
    }
}
