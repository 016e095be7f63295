//! Structs: the sender's fields by number, the receiver's by name.

use std::sync::OnceLock;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::local_name::try_go_name;
use super::zero::Zero;
use super::{Deserializer, Source};
use crate::error::{Error, ErrorKind, Mismatch, Result};
use crate::received::{StructType, WireField, WireRef};

/// The plans made so far for one of the sender's structs: one for each Rust struct it is decoded
/// into, so nearly always one. They can be added to while others are in use.
#[derive(Debug, Default)]
pub(crate) struct Plans(OnceLock<Box<Planned>>);

#[derive(Debug)]
struct Planned {
    plan: Plan,
    next: Plans,
}

/// How the fields of a sender's struct map to those of a Rust struct.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The names that serde passes for the Rust struct: a `static`, so its address tells it.
    names: &'static [&'static str],
    /// For each of the sender's fields where it goes.
    targets: Box<[Target]>,
    /// For each of the names the sender's type, if it has such a field.
    pub(super) sent: Box<[Option<WireRef>]>,
}

#[derive(Clone, Copy, Debug)]
struct Target {
    ty: WireRef,
    /// The position in `names`, and the name; none if the Rust struct has no such field.
    to: Option<(usize, &'static str)>,
}

impl Plans {
    #[inline]
    pub(super) fn get(&self, ty: &StructType, names: &'static [&'static str]) -> &Plan {
        let mut at = self;
        loop {
            let planned =
                at.0.get_or_init(|| Box::new(Planned { plan: Plan::new(ty, names), next: Plans::default() }));
            if std::ptr::eq(planned.plan.names, names) {
                return &planned.plan;
            }
            at = &planned.next;
        }
    }
}

impl Plan {
    #[cold]
    fn new(ty: &StructType, names: &'static [&'static str]) -> Self {
        let position = |name: &str| names.iter().position(|n| *n == name);
        let target =
            |field: &WireField| Target { ty: field.ty, to: position(&field.name).map(|at| (at, names[at])) };
        let targets: Box<[_]> = ty.fields.iter().map(target).collect();
        let mut sent = vec![None; names.len()];
        for target in &targets {
            if let Some((at, _)) = target.to {
                sent[at] = Some(target.ty);
            }
        }
        Plan { names, targets, sent: sent.into() }
    }
}

/// Which fields came.
enum Seen {
    Few(u64),
    Many(Vec<bool>),
}

impl Seen {
    #[inline]
    fn new(fields: usize) -> Self {
        if fields <= 64 { Seen::Few(0) } else { Seen::Many(vec![false; fields]) }
    }

    #[inline(always)]
    fn insert(&mut self, at: usize) {
        match self {
            Seen::Few(bits) => *bits |= 1 << at,
            Seen::Many(flags) => flags[at] = true,
        }
    }

    /// Whether all of `fields` came. Asked so that those which did not are not looked for one by one.
    #[inline(always)]
    fn all(&self, fields: usize) -> bool {
        match self {
            Seen::Few(bits) => fields == 0 || *bits == u64::MAX >> (64 - fields),
            Seen::Many(_) => false,
        }
    }

    #[inline(always)]
    fn contains(&self, at: usize) -> bool {
        match self {
            Seen::Few(bits) => bits >> at & 1 == 1,
            Seen::Many(flags) => flags[at],
        }
    }
}

/// Where the value of the field just named is.
enum Current {
    Sent(WireRef),
    Absent(Option<WireRef>),
}

/// Lets the visitor of a Rust struct with these field names take the sender's fields.
pub(super) fn struct_fields<'de, V: Visitor<'de>>(
    source: &mut Source<'_, 'de>,
    ty: &StructType,
    local: &'static str,
    names: &'static [&'static str],
    visitor: V,
) -> Result<V::Value> {
    let plan = ty.plans.get(ty, names);
    // Go checks this only where it compiles a decoder: for a whole value, not for a field.
    if source.whole && !names.is_empty() && !ty.fields.is_empty() && plan.sent.iter().all(Option::is_none) {
        let offset = source.cursor.offset();
        return Err(Error::from(Mismatch::NoFields { local: local.to_owned() }).at(offset));
    }
    source.enter()?;
    let mut fields = StructFields {
        source,
        ty,
        plan,
        next: 0,
        number: 0,
        absent: None,
        current: Current::Absent(None),
        seen: Seen::new(names.len()),
    };
    let value = visitor.visit_map(&mut fields)?;
    fields.finish()?;
    source.leave();
    Ok(value)
}

struct StructFields<'s, 'a, 'de> {
    source: &'s mut Source<'a, 'de>,
    ty: &'s StructType,
    plan: &'s Plan,
    /// The first field number not yet passed.
    next: usize,
    /// The field just named.
    number: usize,
    /// The next name to be looked at for zeros, once all that was sent is read.
    absent: Option<usize>,
    current: Current,
    seen: Seen,
}

impl StructFields<'_, '_, '_> {
    /// Reads what a visitor that stopped early has left.
    fn finish(&mut self) -> Result<()> {
        while self.absent.is_none() {
            match self.source.next_field(self.next, self.ty.fields.len())? {
                Some(number) => {
                    self.next = number + 1;
                    self.source.skip(self.ty.fields[number].ty)?;
                }
                None => self.absent = Some(0),
            }
        }
        Ok(())
    }
}

impl<'de> de::MapAccess<'de> for &mut StructFields<'_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        while self.absent.is_none() {
            let Some(number) = self.source.next_field(self.next, self.plan.targets.len())? else {
                let fields = self.plan.names.len();
                self.absent = Some(if self.seen.all(fields) { fields } else { 0 });
                break;
            };
            self.next = number + 1;
            let Target { ty, to } = self.plan.targets[number];
            match to {
                Some((number, name)) => {
                    self.number = number;
                    self.seen.insert(number);
                    self.current = Current::Sent(ty);
                    return seed.deserialize(FieldName(name)).map(Some);
                }
                None => self.source.skip(ty)?,
            }
        }
        let mut at = self.absent.unwrap_or(0);
        while let Some(&name) = self.plan.names.get(at) {
            at += 1;
            self.absent = Some(at);
            if self.seen.contains(at - 1) {
                continue;
            }
            // Not in the sender's type: up to serde, unless Go's rule is wanted.
            let ty = self.plan.sent[at - 1];
            if ty.is_some() || self.source.missing_as_zero {
                self.number = at - 1;
                self.current = Current::Absent(ty);
                return seed.deserialize(FieldName(name)).map(Some);
            }
        }
        Ok(None)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let result = match self.current {
            Current::Sent(ty) => seed.deserialize(Deserializer::new(self.source, ty)),
            Current::Absent(ty) => seed.deserialize(Zero::new(self.source, ty)),
        };
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(name_field::<T::Value>(error, &self.ty.name, self.plan.names[self.number])),
        }
    }
}

/// Says in which field the error was, as Go does.
#[cold]
#[inline(never)]
fn name_field<T>(error: Error, owner: &str, field: &str) -> Error {
    error.map_kind(|kind| match kind {
        ErrorKind::Mismatch(Mismatch::Type { local, whole: false, .. }) => {
            ErrorKind::Mismatch(Mismatch::Field {
                local: try_go_name::<T>().unwrap_or(local),
                owner: owner.to_owned(),
                field: field.to_owned(),
            })
        }
        ErrorKind::OutOfRange(name) if name.starts_with('*') => ErrorKind::OutOfRange(field.to_owned()),
        other => other,
    })
}

/// Hands a field's name to serde without copying it.
struct FieldName(&'static str);

impl<'de> de::Deserializer<'de> for FieldName {
    type Error = Error;

    #[inline(always)]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.0)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Lets a visitor that has no field names take all of the sender's fields, zeros included.
pub(super) fn all_fields<'de, V: Visitor<'de>>(
    source: &mut Source<'_, 'de>,
    ty: &StructType,
    visitor: V,
) -> Result<V::Value> {
    source.enter()?;
    source.take_fields(ty.fields.len())?;
    let mut fields = AllFields {
        source,
        ty,
        next: 0,
        absent: 0,
        sent_done: false,
        number: 0,
        seen: Seen::new(ty.fields.len()),
    };
    let value = visitor.visit_map(&mut fields)?;
    fields.finish()?;
    source.leave();
    Ok(value)
}

struct AllFields<'s, 'a, 'de> {
    source: &'s mut Source<'a, 'de>,
    ty: &'s StructType,
    next: usize,
    absent: usize,
    sent_done: bool,
    number: usize,
    seen: Seen,
}

impl AllFields<'_, '_, '_> {
    fn finish(&mut self) -> Result<()> {
        while !self.sent_done {
            match self.source.next_field(self.next, self.ty.fields.len())? {
                Some(number) => {
                    self.next = number + 1;
                    self.source.skip(self.ty.fields[number].ty)?;
                }
                None => self.sent_done = true,
            }
        }
        Ok(())
    }
}

impl<'de> de::MapAccess<'de> for &mut AllFields<'_, '_, 'de> {
    type Error = Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if !self.sent_done {
            if let Some(number) = self.source.next_field(self.next, self.ty.fields.len())? {
                self.next = number + 1;
                self.number = number;
                self.seen.insert(number);
                let name: &str = &self.ty.fields[number].name;
                return seed.deserialize(IntoDeserializer::<Error>::into_deserializer(name)).map(Some);
            }
            self.sent_done = true;
        }
        while self.absent < self.ty.fields.len() {
            self.number = self.absent;
            self.absent += 1;
            if !self.seen.contains(self.number) {
                let name: &str = &self.ty.fields[self.number].name;
                return seed.deserialize(IntoDeserializer::<Error>::into_deserializer(name)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let field = &self.ty.fields[self.number];
        let result = if self.sent_done {
            seed.deserialize(Zero::new(self.source, Some(field.ty)))
        } else {
            seed.deserialize(Deserializer::new(self.source, field.ty))
        };
        result.map_err(|error| name_field::<T::Value>(error, &self.ty.name, &field.name))
    }
}

/// A string as deserializer, for the names of interface types.
pub(super) fn name_deserializer(name: &str) -> BorrowedStrDeserializer<'_, Error> {
    BorrowedStrDeserializer::new(name)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::{IgnoredAny, MapAccess, Visitor};

    use crate::wire::{put_bytes, put_int, put_uint};
    use crate::wire_type::{Definition, id, put_definition};

    /// A slice (65) of structs (64) with many fields, all of them zero.
    fn wide(fields: usize, elements: usize) -> Vec<u8> {
        let names: Vec<String> = (0..fields).map(|n| format!("F{n}")).collect();
        let mut stream = Vec::new();
        let fields = names.iter().map(|name| (name.as_str(), id::INT));
        put_definition(&mut stream, 64, Definition::Struct { name: "Wide", fields });
        put_definition::<std::iter::Empty<_>>(&mut stream, 65, Definition::Slice { elem: 64 });
        let mut message = Vec::new();
        put_int(&mut message, 65);
        message.push(0);
        put_uint(&mut message, elements as u64);
        message.resize(message.len() + elements, 0);
        put_bytes(&mut stream, &message);
        stream
    }

    /// How many entries a map has.
    #[derive(Debug)]
    struct Count(usize);

    impl<'de> Deserialize<'de> for Count {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Counter;
            impl<'de> Visitor<'de> for Counter {
                type Value = Count;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a map")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
                    let mut count = 0;
                    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                    Ok(Count(count))
                }
            }
            deserializer.deserialize_map(Counter)
        }
    }

    #[test]
    fn absent_fields_are_handed_out_within_bounds() {
        let counts: Vec<Count> = crate::from_slice(&wide(30, 1000)).unwrap();
        assert!(counts.len() == 1000 && counts.iter().all(|count| count.0 == 30));
        assert!(crate::from_slice::<Vec<Count>>(&wide(10_000, 10_000)).unwrap_err().is_limit());
    }

    #[test]
    fn a_struct_takes_its_own_fields_of_a_wide_one() {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Narrow {
            f9999: i64,
        }
        let narrow: Vec<Narrow> = crate::from_slice(&wide(10_000, 10_000)).unwrap();
        assert!(narrow.len() == 10_000 && narrow.iter().all(|narrow| narrow.f9999 == 0));
    }
}
