//! What Go has no counterpart for.

use serde_derive_internals::ast;
use serde_derive_internals::attr::{Identifier, TagType};
use syn::{Error, GenericArgument, PathArguments, Result, Type};

pub(crate) fn container(container: &ast::Container<'_>) -> Result<()> {
    let is_enum = matches!(container.data, ast::Data::Enum(_));
    let refused = match container.attrs.tag() {
        TagType::External => None,
        TagType::Internal { .. } if !is_enum => {
            Some("Go has no field for the `tag` of a struct; remove `#[serde(tag)]` or add a field")
        }
        TagType::Internal { .. } | TagType::Adjacent { .. } => {
            Some("a Go interface value carries its type's name itself; remove `#[serde(tag)]`")
        }
        TagType::None => {
            Some("a Go interface value always carries its type's name; remove `#[serde(untagged)]`")
        }
    };
    if let Some(reason) = refused {
        return Err(Error::new_spanned(container.original, format!("GobType: {reason}")));
    }
    if !matches!(container.attrs.identifier(), Identifier::No) {
        return Err(Error::new_spanned(
            container.original,
            "GobType: an identifier is not a value of its own",
        ));
    }
    if container.attrs.remote().is_some() {
        return Err(Error::new_spanned(
            container.original,
            "GobType: `#[serde(remote)]` is not supported; say `#[gob(type = \"…\")]` where the type is used",
        ));
    }
    Ok(())
}

/// Go leaves fields that are not exported out without a word.
pub(crate) fn field_name(field: &ast::Field<'_>, name: &str, unexported: bool) -> Result<()> {
    if field.attrs.flatten() {
        return Err(Error::new_spanned(
            field.original,
            "GobType: `#[serde(flatten)]` has no counterpart: Go sends an embedded struct as one field named after its \
             type",
        ));
    }
    if !unexported && !name.chars().next().is_some_and(char::is_uppercase) {
        return Err(Error::new_spanned(
            field.original,
            format!(
                "GobType: Go would drop the field `{name}`: its name must start with an upper-case letter (add \
                 `#[serde(rename_all = \"PascalCase\")]` to the type or `#[serde(rename = \"…\")]` to the field)"
            ),
        ));
    }
    Ok(())
}

/// Types that will not do whatever traits they implement, anywhere inside `ty`.
pub(crate) fn field_type(ty: &Type) -> Result<()> {
    match ty {
        Type::Tuple(tuple) if !tuple.elems.is_empty() => Err(Error::new_spanned(
            tuple,
            "GobType: Go has no tuples; use an array `[T; N]` if the elements are of one type, else a struct",
        )),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return Ok(()) };
            if path.path.segments.len() == 1 && (last.ident == "i128" || last.ident == "u128") {
                return Err(Error::new_spanned(
                    path,
                    "GobType: gob's integers have 64 bits; use `serde_gob::BigInt` (Go: `*big.Int`)",
                ));
            }
            if let PathArguments::AngleBracketed(arguments) = &last.arguments {
                for argument in &arguments.args {
                    if let GenericArgument::Type(inner) = argument {
                        field_type(inner)?;
                    }
                }
            }
            Ok(())
        }
        Type::Reference(reference) => field_type(&reference.elem),
        Type::Slice(slice) => field_type(&slice.elem),
        Type::Array(array) => field_type(&array.elem),
        Type::Group(group) => field_type(&group.elem),
        Type::Paren(paren) => field_type(&paren.elem),
        _ => Ok(()),
    }
}
