//! Types in Go's notation.

use std::fmt::Write as _;

use super::{ReceivedTypes, WireKind, WireRef};

impl ReceivedTypes {
    /// The type in Go's notation, for errors: `[]int`, `map[string]bool`, `Point = struct { X int; Y int; }`.
    pub(crate) fn describe(&self, ty: WireRef) -> String {
        let mut text = String::new();
        self.describe_into(&mut text, ty, &mut Vec::new());
        text
    }

    fn describe_into(&self, text: &mut String, ty: WireRef, within: &mut Vec<WireRef>) {
        /// Longer and deeper types are cut short: they come from the peer and go into logs.
        const LONGEST: usize = 1 << 12;
        const DEEPEST: usize = 32;
        if text.len() > LONGEST || within.len() > DEEPEST {
            return text.push('…');
        }
        let known = within.contains(&ty);
        within.push(ty);
        match self.kind(ty) {
            WireKind::Undefined => text.push_str("unknown type"),
            WireKind::Bool => text.push_str("bool"),
            WireKind::Int => text.push_str("int"),
            WireKind::Uint => text.push_str("uint"),
            WireKind::Float => text.push_str("float"),
            WireKind::Bytes => text.push_str("bytes"),
            WireKind::String => text.push_str("string"),
            WireKind::Complex => text.push_str("complex"),
            WireKind::Interface => text.push_str("interface"),
            WireKind::Opaque { name, .. } => text.push_str(name),
            WireKind::Struct(ty) if known => text.push_str(&ty.name),
            _ if known => text.push('…'),
            WireKind::Array { elem, len } => {
                let _ = write!(text, "[{len}]");
                self.describe_into(text, *elem, within);
            }
            WireKind::Slice { elem } => {
                text.push_str("[]");
                self.describe_into(text, *elem, within);
            }
            WireKind::Map { key, elem } => {
                text.push_str("map[");
                self.describe_into(text, *key, within);
                text.push(']');
                self.describe_into(text, *elem, within);
            }
            WireKind::Struct(ty) => {
                let _ = write!(text, "{} = struct {{ ", ty.name);
                for field in &ty.fields {
                    if text.len() > LONGEST {
                        text.push('…');
                        break;
                    }
                    let _ = write!(text, "{} ", field.name);
                    self.describe_into(text, field.ty, within);
                    text.push_str("; ");
                }
                text.push('}');
            }
        }
        within.pop();
    }
}
