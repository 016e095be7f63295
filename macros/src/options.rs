//! `#[interface(…)]` and `#[rpc(…)]`.

use proc_macro2::TokenStream;
use syn::{
    Attribute, Error, Ident, LitStr, Path, Result, Type,
    meta::{self, ParseNestedMeta},
    parse::Parser,
    parse_quote,
};

use crate::names;

/// `#[interface(…)]` on a trait.
pub(crate) struct Options {
    pub(crate) grpc: bool,
    pub(crate) krate: Path,
    pub(crate) nothing: Nothing,
}

/// What goes over the wire where Rust has no value.
#[derive(Clone, Default)]
pub(crate) struct Nothing {
    pub(crate) args: Option<Type>,
    pub(crate) reply: Option<Type>,
}

impl Nothing {
    /// Takes `no_args = TYPE` and `no_reply = TYPE`.
    fn parse(&mut self, meta: &ParseNestedMeta<'_>) -> Result<bool> {
        if meta.path.is_ident("no_args") {
            self.args = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("no_reply") {
            self.reply = Some(meta.value()?.parse()?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

impl Options {
    pub(crate) fn parse(attribute: TokenStream) -> Result<Self> {
        let mut options = Self { grpc: false, krate: parse_quote!(::go_plugin), nothing: Nothing::default() };
        let parser = meta::parser(|meta| {
            if meta.path.is_ident("grpc") {
                options.grpc = true;
            } else if meta.path.is_ident("crate") {
                options.krate = meta.value()?.call(Path::parse_mod_style)?;
            } else if !options.nothing.parse(&meta)? {
                return Err(meta.error(
                    "unknown option; `#[interface]` takes `grpc`, `no_args = TYPE`, `no_reply = TYPE` and `crate = PATH`",
                ));
            }
            Ok(())
        });
        parser.parse2(attribute)?;
        Ok(options)
    }
}

/// How several parameters travel as the one argument that net/rpc has.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    /// The one parameter itself.
    Value,
    /// A struct.
    Fields,
    /// A `map[string]interface{}`.
    Map,
}

/// `#[rpc(…)]` on a method.
pub(crate) struct MethodOptions {
    pub(crate) name: Option<String>,
    pub(crate) shape: Option<Shape>,
    pub(crate) nothing: Nothing,
}

impl MethodOptions {
    /// Reads our attributes and removes them.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, inherited: &Nothing) -> Result<Self> {
        let mut options = Self { name: None, shape: None, nothing: inherited.clone() };
        take(attributes, |meta| {
            if meta.path.is_ident("name") {
                options.name = Some(names::exported(&meta.value()?.parse()?, "method")?);
            } else if meta.path.is_ident("args") {
                options.shape = Some(shape(&meta.value()?.parse()?)?);
            } else if !options.nothing.parse(&meta)? {
                return Err(meta.error(
                    "unknown option; `#[rpc]` on a method takes `name`, `args`, `no_args` and `no_reply`",
                ));
            }
            Ok(())
        })?;
        Ok(options)
    }
}

fn shape(ident: &Ident) -> Result<Shape> {
    match ident.to_string().as_str() {
        "value" => Ok(Shape::Value),
        "fields" => Ok(Shape::Fields),
        "map" => Ok(Shape::Map),
        _ => Err(Error::new(
            ident.span(),
            "`args` is `value` (the one parameter itself), `fields` (a Go struct) or `map` (a Go map[string]interface{})",
        )),
    }
}

/// `#[rpc(name = "…")]` on a parameter: reads it and removes it.
pub(crate) fn take_parameter_name(attributes: &mut Vec<Attribute>) -> Result<Option<LitStr>> {
    let mut name = None;
    take(attributes, |meta| {
        if !meta.path.is_ident("name") {
            return Err(meta.error("unknown option; `#[rpc]` on a parameter takes `name = \"…\"`"));
        }
        name = Some(meta.value()?.parse()?);
        Ok(())
    })?;
    Ok(name)
}

fn take(
    attributes: &mut Vec<Attribute>,
    mut each: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    let (ours, theirs) = attributes.drain(..).partition::<Vec<_>, _>(|a| a.path().is_ident("rpc"));
    *attributes = theirs;
    ours.iter().try_for_each(|attribute| attribute.parse_nested_meta(&mut each))
}
