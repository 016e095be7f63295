//! Encodes dynamic values.

use super::graph::Node;
use super::{Concrete, Type, Value};
use crate::error::{EncodeError, Result};
use crate::ser::{Content, Output};
use crate::wire::{put_bytes, put_float, put_int, put_uint};

/// Writes a non-nil interface value.
pub(crate) fn write_interface(output: &mut Output<'_>, concrete: &Concrete) -> Result<()> {
    let ty = &concrete.content.ty;
    let id = output.dynamic.id_of(ty, output.sent, output.dynamic_limit)?;
    output.enter()?;
    let singleton = !matches!(&*ty.graph.node(ty.node), Node::Struct(..));
    let content = Content::begin(output, &concrete.name, id, singleton);
    write_value(output, ty, &concrete.content.value)?;
    content.end(output);
    output.leave();
    Ok(())
}

/// Writes a value of a type, zero or not.
pub(crate) fn write_value(output: &mut Output<'_>, ty: &Type, value: &Value) -> Result<()> {
    match (&*ty.graph.node(ty.node), value) {
        (Node::Bool, Value::Bool(value)) => output.out.push((*value).into()),
        (Node::Int, Value::Int(value)) => put_int(output.out, *value),
        (Node::Uint, Value::Uint(value)) => put_uint(output.out, *value),
        (Node::Float, Value::Float(value)) => put_float(output.out, *value),
        (Node::Complex, Value::Complex(value)) => {
            put_float(output.out, value.re);
            put_float(output.out, value.im);
        }
        (Node::Bytes, Value::Bytes(bytes)) | (Node::Opaque(..), Value::Opaque(bytes)) => {
            put_bytes(output.out, bytes);
        }
        (Node::String, Value::String(text)) => put_bytes(output.out, &text.0),
        (Node::Interface, Value::Interface(any)) => match &any.0 {
            None => output.out.push(0),
            Some(concrete) => write_interface(output, concrete)?,
        },
        (Node::Slice(elem), Value::Slice(elements)) => write_elements(output, &ty.at(*elem), elements)?,
        (Node::Array(elem, len), Value::Array(elements)) => {
            if elements.len() as u64 != *len {
                let described = usize::try_from(*len).unwrap_or(usize::MAX);
                return Err(EncodeError::ArrayLength { described, written: elements.len() }.into());
            }
            write_elements(output, &ty.at(*elem), elements)?;
        }
        (Node::Map(key, elem), Value::Map(entries)) => {
            let (key_type, elem_type) = (ty.at(*key), ty.at(*elem));
            output.enter()?;
            put_uint(output.out, entries.len() as u64);
            for (key, elem) in entries {
                write_value(output, &key_type, key)?;
                write_value(output, &elem_type, elem)?;
            }
            output.leave();
        }
        (Node::Struct(_, types), Value::Struct(fields)) => {
            output.enter()?;
            let mut numbered = types.iter().enumerate();
            let mut last = -1;
            for (name, value) in fields {
                let Some((number, (_, field_type))) = numbered.find(|(_, (known, _))| known == name) else {
                    return Err(EncodeError::DynamicType(
                        "a struct value has a field that its type has not, or not in this order",
                    )
                    .into());
                };
                if !is_zero(value) {
                    put_uint(output.out, (number as i64 - last) as u64);
                    last = number as i64;
                    write_value(output, &ty.at(*field_type), value)?;
                }
            }
            output.out.push(0);
            output.leave();
        }
        _ => return Err(EncodeError::DynamicType("a dynamic value is not of its type").into()),
    }
    Ok(())
}

fn write_elements(output: &mut Output<'_>, ty: &Type, elements: &[Value]) -> Result<()> {
    output.enter()?;
    put_uint(output.out, elements.len() as u64);
    for element in elements {
        write_value(output, ty, element)?;
    }
    output.leave();
    Ok(())
}

/// Whether a field of this value is left out.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Int(value) => *value == 0,
        Value::Uint(value) => *value == 0,
        Value::Float(value) => *value == 0.0,
        Value::Complex(value) => value.re == 0.0 && value.im == 0.0,
        Value::Bytes(bytes) | Value::Opaque(bytes) => bytes.is_empty(),
        Value::String(text) => text.0.is_empty(),
        Value::Slice(elements) => elements.is_empty(),
        Value::Interface(any) => any.is_nil(),
        Value::Array(_) | Value::Map(_) | Value::Struct(_) => false,
    }
}
