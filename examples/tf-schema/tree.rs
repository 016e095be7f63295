//! A schema for people.

use std::{
    collections::BTreeMap,
    fmt::{Display, Formatter, Result},
};

use crate::schema::{Attribute, Block, Description, Function, NestedBlock, Nesting, ProviderSchema, Schema};

/// Shows a schema as an indented list.
pub struct Tree<'a>(pub &'a ProviderSchema);

impl Display for Tree<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let schema = self.0;
        title(f, "provider", &schema.provider)?;
        for (kind, schemas) in [
            ("resource", &schema.resource_schemas),
            ("data", &schema.data_source_schemas),
            ("ephemeral", &schema.ephemeral_resource_schemas),
        ] {
            for (name, schema) in schemas {
                title(f, &format!("{kind} {name}"), schema)?;
            }
        }
        schema.functions.iter().try_for_each(|(name, function)| show_function(f, name, function))
    }
}

fn title(f: &mut Formatter<'_>, title: &str, schema: &Schema) -> Result {
    f.write_str(title)?;
    if schema.version > 0 {
        write!(f, " (version {})", schema.version)?;
    }
    let Some(block) = &schema.block else { return writeln!(f) };
    writeln!(f, "{}", if block.deprecated { ", deprecated" } else { "" })?;
    show_description(f, &block.description, 1)?;
    show_block(f, block, 1)
}

fn show_block(f: &mut Formatter<'_>, block: &Block, depth: usize) -> Result {
    show_attributes(f, &block.attributes, depth)?;
    for (name, nested) in &block.block_types {
        writeln!(f, "{}{name}: {}", indent(depth), describe(nested))?;
        show_description(f, &nested.block.description, depth + 1)?;
        show_block(f, &nested.block, depth + 1)?;
    }
    Ok(())
}

fn show_attributes(f: &mut Formatter<'_>, attributes: &BTreeMap<String, Attribute>, depth: usize) -> Result {
    for (name, attribute) in attributes {
        write!(f, "{}{name}: ", indent(depth))?;
        match (&attribute.nested_type, &attribute.ty) {
            (Some(nested), _) => f.write_str(several(nested.nesting_mode, "attributes"))?,
            (None, Some(ty)) => write!(f, "{ty}")?,
            (None, None) => f.write_str("no type")?,
        }
        writeln!(f, "{}", notes(attribute))?;
        show_description(f, &attribute.description, depth + 1)?;
        if let Some(nested) = &attribute.nested_type {
            show_attributes(f, &nested.attributes, depth + 1)?;
        }
    }
    Ok(())
}

fn describe(nested: &NestedBlock) -> String {
    let kind = several(nested.nesting_mode, "blocks");
    let max = match (nested.nesting_mode, nested.max_items) {
        (Nesting::Single | Nesting::Group, _) => "max 1".to_owned(),
        (_, 0) => "no max".to_owned(),
        (_, max) => format!("max {max}"),
    };
    let deprecated = if nested.block.deprecated { ", deprecated" } else { "" };
    format!("{kind}, min {}, {max}{deprecated}", nested.min_items)
}

fn several(nesting: Nesting, what: &str) -> &'static str {
    match (nesting, what) {
        (Nesting::Single, "blocks") => "block",
        (Nesting::Group, "blocks") => "block that is always there",
        (Nesting::List, "blocks") => "list of blocks",
        (Nesting::Set, "blocks") => "set of blocks",
        (Nesting::Map, "blocks") => "map of blocks",
        (Nesting::Single | Nesting::Group, _) => "object",
        (Nesting::List, _) => "list of objects",
        (Nesting::Set, _) => "set of objects",
        (Nesting::Map, _) => "map of objects",
    }
}

fn notes(attribute: &Attribute) -> String {
    let notes = [
        (attribute.required, ", required"),
        (attribute.optional, ", optional"),
        (attribute.computed, ", computed"),
        (attribute.sensitive, ", sensitive"),
        (attribute.write_only, ", write-only"),
        (attribute.deprecated, ", deprecated"),
    ];
    notes.into_iter().filter(|(is, _)| *is).map(|(_, note)| note).collect()
}

fn show_function(f: &mut Formatter<'_>, name: &str, function: &Function) -> Result {
    let parameters =
        function.parameters.iter().map(|parameter| format!("{}: {}", parameter.name, parameter.ty));
    let variadic =
        function.variadic_parameter.iter().map(|parameter| format!("{}: {}…", parameter.name, parameter.ty));
    let parameters: Vec<_> = parameters.chain(variadic).collect();
    writeln!(f, "function {name}({}): {}", parameters.join(", "), function.return_type)?;
    show_text(f, if function.summary.is_empty() { &function.description } else { &function.summary }, 1)
}

fn show_description(f: &mut Formatter<'_>, description: &Description, depth: usize) -> Result {
    show_text(f, &description.text, depth)
}

fn show_text(f: &mut Formatter<'_>, text: &str, depth: usize) -> Result {
    text.trim().lines().try_for_each(|line| writeln!(f, "{}# {line}", indent(depth)))
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}
