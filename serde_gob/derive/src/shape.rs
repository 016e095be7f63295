//! From serde's view of the item to the `GobType` implementation.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use serde_derive_internals::ast::{Container, Data, Field, Style, Variant};
use serde_derive_internals::{Ctxt, Derive};
use syn::{DeriveInput, Error, GenericParam, Path, Result, Type, parse_quote};

use crate::attr::{self, UnitsAs};
use crate::check;

/// What the generated methods return.
enum Shape {
    /// The shape of another type; a slice of these is a slice of those.
    Of(Box<Type>),
    Own(TokenStream),
}

/// `krate` is where `serde_gob` is if the item does not say so.
pub(crate) fn expand(input: &DeriveInput, krate: Path) -> Result<TokenStream> {
    let gob = attr::container(&input.attrs)?;
    let krate = gob.krate.clone().unwrap_or(krate);
    let serde = Ctxt::new();
    let container = Container::from_ast(&serde, input, Derive::Serialize, &parse_quote!(__private));
    serde.check()?;
    let Some(container) = container else {
        return Err(Error::new_spanned(input, "GobType: only structs and enums have a gob type"));
    };
    check::container(&container)?;

    let methods = match container_shape(&container, &gob, &krate)? {
        Shape::Own(shape) => quote! {
            fn shape(types: &mut #krate::TypeBuilder<'_>) -> #krate::Shape {
                #shape
            }
        },
        Shape::Of(ty) => quote! {
            fn shape(types: &mut #krate::TypeBuilder<'_>) -> #krate::Shape {
                <#ty as #krate::GobType>::shape(types)
            }
            fn slice_shape(types: &mut #krate::TypeBuilder<'_>) -> #krate::Shape {
                <#ty as #krate::GobType>::slice_shape(types)
            }
        },
    };

    let (key_definition, key) = key(input, &krate);
    let mut generics = input.generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(#krate::GobType));
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = input.generics.split_for_impl();
    let ident = &input.ident;
    Ok(quote! {
        #[doc(hidden)]
        const _: () = {
            #key_definition
            #[automatically_derived]
            impl #impl_generics #krate::GobType for #ident #type_generics #where_clause {
                type Key = #key;
                #methods
            }
        };
    })
}

/// The type that identifies this one: itself, or a stand-in without lifetimes in which every type
/// parameter is replaced by its key.
fn key(input: &DeriveInput, krate: &Path) -> (TokenStream, TokenStream) {
    let ident = &input.ident;
    if input.generics.params.is_empty() {
        return (quote!(), quote!(#ident));
    }
    let mut params = Vec::new();
    let mut types = Vec::new();
    let mut arguments = Vec::new();
    for param in &input.generics.params {
        match param {
            GenericParam::Lifetime(_) => {}
            GenericParam::Type(ty) => {
                let name = &ty.ident;
                params.push(quote!(#name));
                types.push(quote!(#name));
                arguments.push(quote!(<#name as #krate::GobType>::Key));
            }
            GenericParam::Const(param) => {
                let (name, ty) = (&param.ident, &param.ty);
                params.push(quote!(const #name: #ty));
                arguments.push(quote!(#name));
            }
        }
    }
    let definition = quote! {
        #[allow(missing_docs, unreachable_pub)]
        pub struct __Key<#(#params),*>(::core::marker::PhantomData<fn() -> (#(#types,)*)>);
    };
    (definition, quote!(__Key<#(#arguments),*>))
}

fn container_shape(container: &Container<'_>, gob: &attr::Container, krate: &Path) -> Result<Shape> {
    if let Some(ty) = container.attrs.type_into() {
        return Ok(Shape::Of(Box::new(ty.clone())));
    }
    let name = &container.attrs.name().serialize_name().value;
    if gob.units_as.is_some() && !matches!(container.data, Data::Enum(_)) {
        return Err(Error::new_spanned(
            container.original,
            "GobType: `int`, `uint` and `string` are for enums of unit variants",
        ));
    }
    match &container.data {
        Data::Struct(_, fields) if container.attrs.transparent() => {
            match fields.iter().find(|field| field.attrs.transparent()) {
                Some(field) => field_type(field).map(|ty| Shape::Of(Box::new(ty))),
                None => {
                    Err(Error::new_spanned(container.original, "GobType: no field to be transparent for"))
                }
            }
        }
        Data::Struct(Style::Newtype, fields) => field_type(&fields[0]).map(|ty| Shape::Of(Box::new(ty))),
        Data::Struct(Style::Struct | Style::Unit, fields) => {
            structure(name, fields, gob.unexported, krate).map(Shape::Own)
        }
        Data::Struct(Style::Tuple, _) => Err(Error::new_spanned(
            container.original,
            "GobType: Go has no tuple structs; name the fields, or use an array if they are of one type",
        )),
        Data::Enum(variants) => enumeration(container, variants, gob, krate).map(Shape::Own),
    }
}

fn enumeration(
    container: &Container<'_>,
    variants: &[Variant<'_>],
    gob: &attr::Container,
    krate: &Path,
) -> Result<TokenStream> {
    if let Some(units_as) = gob.units_as {
        if let Some(other) = variants.iter().find(|variant| !matches!(variant.style, Style::Unit)) {
            return Err(Error::new_spanned(
                other.original,
                "GobType: only unit variants can travel as integers or strings",
            ));
        }
        return Ok(match units_as {
            UnitsAs::Int => quote!(#krate::Shape::int()),
            UnitsAs::Uint => quote!(#krate::Shape::uint()),
            UnitsAs::String => quote!(#krate::Shape::string()),
        });
    }
    if variants.is_empty() {
        return Err(Error::new_spanned(
            container.original,
            "GobType: an enum without variants has no values",
        ));
    }
    let mut entries = Vec::new();
    for variant in variants.iter().filter(|variant| !variant.attrs.skip_serializing()) {
        let name = &variant.attrs.name().serialize_name().value;
        let ty = variant_type(variant, name, gob, krate)?;
        entries.push(quote!(#krate::Variant::new(#name, #ty)));
    }
    Ok(quote! {
        let variants = ::std::vec![#(#entries),*];
        #krate::Shape::interface(variants)
    })
}

fn variant_type(
    variant: &Variant<'_>,
    name: &str,
    gob: &attr::Container,
    krate: &Path,
) -> Result<TokenStream> {
    if let Some(function) = variant.attrs.serialize_with() {
        return Err(Error::new_spanned(
            function,
            "GobType: cannot see what this function writes; move it to a field and say `#[gob(type = \"…\")]` there",
        ));
    }
    match variant.style {
        Style::Newtype => {
            let ty = field_type(&variant.fields[0])?;
            Ok(quote!(types.add::<#ty>()))
        }
        Style::Unit | Style::Struct => {
            // Registered names are `package.Type`, `path/to/package.Type` or `*package.Type`.
            let type_name = name.rsplit(['.', '/', '*']).next().unwrap_or(name);
            let shape = structure(type_name, &variant.fields, gob.unexported, krate)?;
            Ok(quote! {{
                let shape = { #shape };
                types.anonymous(shape)
            }})
        }
        Style::Tuple => Err(Error::new_spanned(
            variant.original,
            "GobType: Go has no tuples; name the fields of the variant",
        )),
    }
}

fn structure(name: &str, fields: &[Field<'_>], unexported: bool, krate: &Path) -> Result<TokenStream> {
    let mut entries = Vec::new();
    for field in fields.iter().filter(|field| !field.attrs.skip_serializing()) {
        let field_name = &field.attrs.name().serialize_name().value;
        check::field_name(field, field_name, unexported)?;
        let ty = field_type(field)?;
        entries.push(quote!(#krate::Field::new(#field_name, types.add::<#ty>())));
    }
    Ok(quote! {
        let fields = ::std::vec![#(#entries),*];
        #krate::Shape::structure(#name, fields)
    })
}

/// The type whose shape a field has.
fn field_type(field: &Field<'_>) -> Result<Type> {
    if let Some(ty) = attr::field(&field.original.attrs)?.ty {
        return Ok(ty);
    }
    if let Some(function) = field.attrs.serialize_with() {
        let segments: Vec<&Ident> = function.path.segments.iter().map(|segment| &segment.ident).collect();
        if let [.., module, _] = segments[..]
            && module == "serde_bytes"
        {
            return Ok(parse_quote!([u8]));
        }
        return Err(Error::new_spanned(
            function,
            "GobType: cannot see what this function writes; say it with `#[gob(type = \"…\")]`",
        ));
    }
    check::field_type(field.ty)?;
    Ok(field.ty.clone())
}
