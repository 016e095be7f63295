//! Decodes dynamic values.

use std::sync::Arc;

use super::{Any, Concrete, Dynamic, Type, Value};
use crate::complex::Complex;
use crate::de::{Source, not_utf8};
use crate::error::{Corruption, Result};
use crate::opaque::GoString;
use crate::received::{ReceivedTypes, WireKind, WireRef};

/// Reads a value of any type, with its type.
pub(crate) fn read(source: &mut Source<'_, '_>, ty: WireRef) -> Result<Dynamic> {
    let value = read_value(source, ty)?;
    Ok(Dynamic { ty: type_of(source.types, ty), value })
}

fn type_of(types: &ReceivedTypes, ty: WireRef) -> Type {
    types.graph.add_received(types, ty);
    Type { graph: Arc::clone(&types.graph), node: ty.0 }
}

fn read_value(source: &mut Source<'_, '_>, ty: WireRef) -> Result<Value> {
    let types = source.types;
    Ok(match types.kind(ty) {
        WireKind::Bool => Value::Bool(source.cursor.uint()? != 0),
        WireKind::Int => Value::Int(source.cursor.int()?),
        WireKind::Uint => Value::Uint(source.cursor.uint()?),
        WireKind::Float => Value::Float(source.cursor.float()?),
        WireKind::Complex => Value::Complex(Complex::new(source.cursor.float()?, source.cursor.float()?)),
        WireKind::Bytes => Value::Bytes(source.cursor.bytes()?.to_vec()),
        WireKind::String => Value::String(GoString(source.cursor.bytes()?.to_vec())),
        WireKind::Opaque { .. } => Value::Opaque(source.cursor.bytes()?.to_vec()),
        _ => {
            source.enter()?;
            let value = read_composite(source, ty)?;
            source.leave();
            value
        }
    })
}

fn read_composite(source: &mut Source<'_, '_>, ty: WireRef) -> Result<Value> {
    let types = source.types;
    match types.kind(ty) {
        WireKind::Interface => read_interface(source),
        WireKind::Slice { elem } => {
            let count = source.count()?;
            read_elements(source, *elem, count).map(Value::Slice)
        }
        WireKind::Array { elem, len } => {
            let count = source.array_count(*len)?;
            read_elements(source, *elem, count).map(Value::Array)
        }
        WireKind::Map { key, elem } => {
            let count = source.count()?;
            let mut entries = Vec::new();
            for _ in 0..count {
                entries.push((read_value(source, *key)?, read_value(source, *elem)?));
            }
            Ok(Value::Map(entries))
        }
        WireKind::Struct(ty) => {
            let mut fields = Vec::new();
            let mut next = 0;
            while let Some(number) = source.next_field(next, ty.fields.len())? {
                let field = &ty.fields[number];
                fields.push((Arc::clone(&field.name), read_value(source, field.ty)?));
                next = number + 1;
            }
            Ok(Value::Struct(fields))
        }
        _ => Err(source.cursor.corrupt(Corruption::UnknownType)),
    }
}

fn read_elements(source: &mut Source<'_, '_>, elem: WireRef, count: usize) -> Result<Vec<Value>> {
    // Grows as elements are read: each takes a byte of input at least, and many bytes here.
    let mut elements = Vec::new();
    for _ in 0..count {
        elements.push(read_value(source, elem)?);
    }
    Ok(elements)
}

fn read_interface(source: &mut Source<'_, '_>) -> Result<Value> {
    let offset = source.cursor.offset();
    let Some((name, ty)) = source.interface()? else { return Ok(Value::Interface(Any::NIL)) };
    let name = std::str::from_utf8(name).map_err(|_| not_utf8().at(offset))?.to_owned();
    let content = read(source, ty)?;
    Ok(Value::Interface(Any(Some(Arc::new(Concrete { name, content })))))
}

/// The zero value of a type.
pub(crate) fn zero(types: &ReceivedTypes, ty: WireRef) -> Dynamic {
    let value = match types.kind(ty) {
        WireKind::Bool => Value::Bool(false),
        WireKind::Int => Value::Int(0),
        WireKind::Uint => Value::Uint(0),
        WireKind::Float => Value::Float(0.0),
        WireKind::Complex => Value::Complex(Complex::default()),
        WireKind::Bytes => Value::Bytes(Vec::new()),
        WireKind::String => Value::String(GoString::default()),
        WireKind::Opaque { .. } => Value::Opaque(Vec::new()),
        WireKind::Slice { .. } => Value::Slice(Vec::new()),
        WireKind::Map { .. } => Value::Map(Vec::new()),
        WireKind::Struct(_) => Value::Struct(Vec::new()),
        // Arrays are not sent only behind nil pointers, and a hostile length costs nothing this way.
        WireKind::Array { .. } => Value::Array(Vec::new()),
        WireKind::Interface | WireKind::Undefined => Value::Interface(Any::NIL),
    };
    Dynamic { ty: type_of(types, ty), value }
}
