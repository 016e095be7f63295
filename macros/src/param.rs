//! A parameter of a method: what its type means on the wire.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Error, GenericArgument, Ident, LitStr, Pat, PatType, PathArguments, Result, Type, spanned::Spanned,
};

use crate::{
    names,
    options::{Shape, take_parameter_name},
};

pub(crate) struct Param {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
    renamed: Option<LitStr>,
}

pub(crate) enum Kind {
    /// Sent and received as it is.
    Value,
    /// `&T`: received as the owned type.
    Ref(Type),
    /// `Arc<dyn Trait>`: an object to call back.
    Callback(Type),
    /// `Option<Arc<dyn Trait>>`.
    OptionalCallback(Type),
}

impl Param {
    /// Reads a parameter and removes our attribute from it.
    pub(crate) fn read(typed: &mut PatType) -> Result<Self> {
        let renamed = take_parameter_name(&mut typed.attrs)?;
        let Pat::Ident(pattern) = &*typed.pat else {
            return Err(Error::new(
                typed.pat.span(),
                "name this parameter: its name is the name of its field on the wire",
            ));
        };
        let ty = (*typed.ty).clone();
        Ok(Self { ident: pattern.ident.clone(), kind: kind(&ty)?, ty, renamed })
    }

    /// The name of the field or the key on the wire.
    pub(crate) fn wire_name(&self, shape: Shape) -> Result<String> {
        match (&self.renamed, shape) {
            (Some(name), Shape::Map) => Ok(name.value()),
            (Some(name), Shape::Fields) => names::exported(name, "field"),
            (Some(name), Shape::Value) => Err(Error::new(
                name.span(),
                "the only parameter travels without a name, unless `args = fields` or `args = map`",
            )),
            (None, Shape::Map) => Ok(syn::ext::IdentExt::unraw(&self.ident).to_string()),
            (None, Shape::Fields) => names::default(&self.ident, "field"),
            (None, Shape::Value) => Ok(self.ident.to_string()),
        }
    }

    /// The type in which the service receives it.
    pub(crate) fn received(&self, rpc: &TokenStream) -> TokenStream {
        match &self.kind {
            Kind::Value => {
                let ty = &self.ty;
                quote!(<#ty as #rpc::Parameter>::Message)
            }
            Kind::Ref(ty) => quote!(<#ty as #rpc::ParameterRef>::Owned),
            Kind::Callback(ty) => quote!(#rpc::Callback<#ty>),
            Kind::OptionalCallback(ty) => quote!(#rpc::OptionalCallback<#ty>),
        }
    }

    /// The type by whose name Go knows it inside an interface.
    pub(crate) fn registered(&self, rpc: &TokenStream) -> TokenStream {
        match &self.kind {
            Kind::Value => self.ty.to_token_stream(),
            Kind::Ref(ty) => ty.to_token_stream(),
            Kind::Callback(_) | Kind::OptionalCallback(_) => self.received(rpc),
        }
    }

    /// What the client sends for it.
    pub(crate) fn sent(&self, rpc: &TokenStream) -> TokenStream {
        let ident = &self.ident;
        match &self.kind {
            Kind::Value => quote!(#rpc::Parameter::into_message(#ident)),
            Kind::Ref(ty) => quote!(<#ty as #rpc::ParameterRef>::borrowed(#ident)),
            Kind::Callback(_) => quote!(#rpc::Callback::offer(#ident)),
            Kind::OptionalCallback(_) => quote!(#rpc::OptionalCallback::offer(#ident)),
        }
    }

    /// What the service passes to the implementation, given the received `value`.
    pub(crate) fn passed(&self, value: &TokenStream, rpc: &TokenStream) -> TokenStream {
        match &self.kind {
            Kind::Value => {
                let ty = &self.ty;
                quote!(<#ty as #rpc::Parameter>::from_message(#value))
            }
            Kind::Ref(ty) => quote!(<#ty as #rpc::ParameterRef>::from_owned(&#value)),
            Kind::Callback(_) => quote!(#rpc::connect(#value).await?),
            Kind::OptionalCallback(_) => quote!(#rpc::connect_optional(#value).await?),
        }
    }
}

fn kind(ty: &Type) -> Result<Kind> {
    if let Type::Reference(reference) = ty {
        if reference.mutability.is_some() {
            return Err(Error::new(
                ty.span(),
                "a `&mut` argument can't come back over the wire: return the new value",
            ));
        }
        if is_dyn(&reference.elem) {
            return Err(use_arc(ty));
        }
        if let Some(inner) = borrow_in(&reference.elem) {
            return Err(owned_inside(inner));
        }
        return Ok(Kind::Ref((*reference.elem).clone()));
    }
    if let Some(object) = argument_of(ty, "Arc").filter(|ty| is_dyn(ty)) {
        return Ok(Kind::Callback(object.clone()));
    }
    if let Some(object) =
        argument_of(ty, "Option").and_then(|ty| argument_of(ty, "Arc")).filter(|ty| is_dyn(ty))
    {
        return Ok(Kind::OptionalCallback(object.clone()));
    }
    if argument_of(ty, "Box").is_some_and(is_dyn) {
        return Err(use_arc(ty));
    }
    if let Type::ImplTrait(_) = ty {
        return Err(Error::new(ty.span(), "name the type: both sides must know it"));
    }
    match borrow_in(ty) {
        Some(span) => Err(owned_inside(span)),
        None => Ok(Kind::Value),
    }
}

fn use_arc(ty: &Type) -> Error {
    Error::new(
        ty.span(),
        "pass an object to call back as `Arc<dyn …>`: the other process may keep it after the call",
    )
}

fn owned_inside(span: Span) -> Error {
    Error::new(span, "only the parameter itself can be a reference, not a part of it: use an owned type here")
}

fn is_dyn(ty: &Type) -> bool {
    matches!(ty, Type::TraitObject(_))
}

/// `T` of `Name<T>`, however `Name` is qualified.
fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// Where a type borrows, if it does: at a `&` or at a lifetime other than `'static`.
pub(crate) fn borrow_in(ty: &Type) -> Option<Span> {
    fn walk(tokens: TokenStream) -> Option<Span> {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let found = match &token {
                TokenTree::Punct(punct) if punct.as_char() == '&' => Some(punct.span()),
                TokenTree::Punct(punct) if punct.as_char() == '\'' => match tokens.peek() {
                    Some(TokenTree::Ident(name)) if name == "static" => None,
                    _ => Some(punct.span()),
                },
                TokenTree::Group(group) => walk(group.stream()),
                _ => None,
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }
    walk(ty.to_token_stream())
}
