//! The `#[gob(…)]` attributes.

use syn::{Attribute, LitStr, Path, Type};

/// How an enum of unit variants travels instead of as an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnitsAs {
    Int,
    Uint,
    String,
}

/// On a struct or enum.
#[derive(Default)]
pub(crate) struct Container {
    /// Where `serde_gob` is, for crates that re-export it.
    pub(crate) krate: Option<Path>,
    pub(crate) units_as: Option<UnitsAs>,
    /// The peer is not Go: lower-case names are fine.
    pub(crate) unexported: bool,
}

/// On a field.
#[derive(Default)]
pub(crate) struct Field {
    /// The type whose shape the field has, where `serialize_with` hides it.
    pub(crate) ty: Option<Type>,
}

pub(crate) fn container(attrs: &[Attribute]) -> syn::Result<Container> {
    let mut found = Container::default();
    for attr in gob_attributes(attrs) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                found.krate = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            } else if meta.path.is_ident("int") {
                found.units_as = Some(UnitsAs::Int);
            } else if meta.path.is_ident("uint") {
                found.units_as = Some(UnitsAs::Uint);
            } else if meta.path.is_ident("string") {
                found.units_as = Some(UnitsAs::String);
            } else if meta.path.is_ident("unexported") {
                found.unexported = true;
            } else {
                return Err(meta.error("expected `crate = \"…\"`, `int`, `uint`, `string` or `unexported`"));
            }
            Ok(())
        })?;
    }
    Ok(found)
}

pub(crate) fn field(attrs: &[Attribute]) -> syn::Result<Field> {
    let mut found = Field::default();
    for attr in gob_attributes(attrs) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("type") {
                return Err(meta.error("expected `type = \"…\"`"));
            }
            found.ty = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            Ok(())
        })?;
    }
    Ok(found)
}

fn gob_attributes(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("gob"))
}
