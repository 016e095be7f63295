//! What the attribute reads from a trait, and every complaint about it.

use std::collections::HashMap;

use syn::{
    Error, FnArg, Ident, ItemTrait, Receiver, ReceiverKind, Result, ReturnType, TraitItem, TraitItemFn, Type,
    TypeParamBound, spanned::Spanned,
};

use crate::{
    mistakes::Mistakes,
    names,
    options::{MethodOptions, Nothing, Options, Shape},
    param::{Param, borrow_in},
};

pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) go_name: String,
    pub(crate) params: Vec<Param>,
    /// The name of each parameter on the wire.
    pub(crate) wire_names: Vec<String>,
    pub(crate) shape: Shape,
    pub(crate) output: Type,
    pub(crate) nothing: Nothing,
}

/// Reads the trait, removes our helper attributes from it, and reports all mistakes at once.
pub(crate) fn read(item: &mut ItemTrait, options: &Options) -> Result<Vec<Method>> {
    let mut mistakes = Mistakes::default();
    if !item.generics.params.is_empty() {
        mistakes.add(Error::new(
            item.generics.span(),
            "an interface can't be generic: what is dispensed is one `dyn` type",
        ));
    }
    if let Some(clause) = &item.generics.where_clause {
        mistakes.add(Error::new(clause.span(), "an interface has no conditions: it is there or it is not"));
    }
    for bound in &item.supertraits {
        if !is_ours(bound) {
            mistakes.add(Error::new(
                bound.span(),
                "an interface has no supertraits but `Send`, `Sync` and `'static`: its client has the trait's methods only",
            ));
        }
    }
    let mut methods = Vec::new();
    for item in &mut item.items {
        match item {
            TraitItem::Fn(function) => methods.extend(mistakes.keep(method(function, options))),
            other => mistakes.add(Error::new(
                other.span(),
                "an interface has methods only: constants and types can't cross the wire",
            )),
        }
    }
    let mut seen = HashMap::new();
    for method in &methods {
        if let Some(first) = seen.insert(method.go_name.as_str(), &method.ident) {
            let (second, name) = (&method.ident, &method.go_name);
            mistakes.add(Error::new(
                second.span(),
                format!("`{first}` and `{second}` would both be called `Plugin.{name}`; rename one with `#[rpc(name = \"…\")]`"),
            ));
        }
    }
    mistakes.into_result().map(|()| methods)
}

fn is_ours(bound: &TypeParamBound) -> bool {
    match bound {
        TypeParamBound::Lifetime(lifetime) => lifetime.ident == "static",
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| last.ident == "Send" || last.ident == "Sync")
        }
        _ => false,
    }
}

fn method(function: &mut TraitItemFn, options: &Options) -> Result<Method> {
    let mut mistakes = Mistakes::default();
    if let Some(cfg) = function.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        mistakes.add(Error::new(
            cfg.span(),
            "the methods of an interface are the same everywhere: put the `#[cfg]` on the whole trait",
        ));
    }
    let rpc = MethodOptions::take(&mut function.attrs, &options.nothing);
    let rpc = mistakes.keep(rpc);
    let signature = &mut function.sig;
    let ident = signature.ident.clone();
    if signature.asyncness.is_none() {
        let message = format!("a call crosses a process boundary: write `async fn {ident}`");
        mistakes.add(Error::new(signature.fn_token.span(), message));
    }
    if let Some(generic) = signature.generics.params.first() {
        let message = "a method of an interface can't be generic: both sides must know the types";
        mistakes.add(Error::new(generic.span(), message));
    }

    if let Some(clause) = &signature.generics.where_clause {
        let message = "a method of an interface has no conditions: it can be called on every object";
        mistakes.add(Error::new(clause.span(), message));
    }

    let mut params = Vec::new();
    let mut has_receiver = false;
    for input in &mut signature.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                has_receiver = true;
                mistakes.keep(check_receiver(receiver));
            }
            FnArg::Typed(typed) => params.extend(mistakes.keep(Param::read(typed))),
        }
    }
    if !has_receiver {
        mistakes.add(Error::new(
            ident.span(),
            format!("write `async fn {ident}(&self, …)`: a call goes to an object"),
        ));
    }
    let output = mistakes.keep(output(&signature.output, &ident));

    mistakes.into_result()?;
    let (Some(rpc), Some(output)) = (rpc, output) else {
        return Err(Error::new(ident.span(), "this method can't be read"));
    };
    let shape = shape(rpc.shape, &params)?;
    let wire_names = wire_names(&params, shape)?;
    let go_name = match rpc.name {
        Some(name) => name,
        None => names::default(&ident, "method")?,
    };
    Ok(Method { ident, go_name, params, wire_names, shape, output, nothing: rpc.nothing })
}

fn check_receiver(receiver: &Receiver) -> Result<()> {
    if let ReceiverKind::Reference(_, None, None) = receiver.kind {
        return Ok(());
    }
    Err(Error::new(
        receiver.span(),
        "write `&self`: one object serves all calls, also at the same time; keep what changes behind a lock",
    ))
}

fn output(output: &ReturnType, method: &Ident) -> Result<Type> {
    let ReturnType::Type(_, ty) = output else {
        let message = format!("every call can fail: return `go_plugin::Result<()>` from `{method}`");
        return Err(Error::new(method.span(), message));
    };
    match borrow_in(ty) {
        Some(span) => Err(Error::new(
            span,
            "a reply can't borrow: it comes from another process; return an owned value",
        )),
        None => Ok((**ty).clone()),
    }
}

fn shape(asked: Option<Shape>, params: &[Param]) -> Result<Shape> {
    match (asked, params) {
        (Some(Shape::Value), [_, second, ..]) => Err(Error::new(
            second.ident.span(),
            "net/rpc carries one argument: with several parameters use `args = fields` or `args = map`",
        )),
        (Some(shape), _) => Ok(shape),
        (None, [] | [_]) => Ok(Shape::Value),
        (None, _) => Ok(Shape::Fields),
    }
}

fn wire_names(params: &[Param], shape: Shape) -> Result<Vec<String>> {
    let mut mistakes = Mistakes::default();
    let mut names: Vec<String> = Vec::new();
    for param in params {
        let Some(name) = mistakes.keep(param.wire_name(shape)) else { continue };
        if names.contains(&name) {
            let message = format!(
                "two parameters are called `{name}` on the wire; rename one with `#[rpc(name = \"…\")]`"
            );
            mistakes.add(Error::new(param.ident.span(), message));
        }
        names.push(name);
    }
    mistakes.into_result().map(|()| names)
}
