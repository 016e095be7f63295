//! The receiver's types in Go's notation, for error texts.

use crate::error::{Error, ErrorKind, Mismatch};
use crate::received::{ReceivedTypes, WireRef};

/// The error about a part of a value: a visitor of `T` was given something of type `ty`.
#[cold]
pub(super) fn type_mismatch<T>(types: &ReceivedTypes, ty: WireRef) -> Error {
    Mismatch::Type { local: go_name::<T>(), remote: types.describe(ty), whole: false }.into()
}

/// Names the whole types in an error about a part of a value, as Go does: it compares the types before
/// it looks at the value.
#[cold]
#[inline(never)]
pub(crate) fn name_local_type<T>(types: &ReceivedTypes, ty: WireRef, error: Error) -> Error {
    error.map_kind(|kind| match kind {
        ErrorKind::Mismatch(Mismatch::Type { local, whole: false, .. }) => {
            let local = format!("*{}", try_go_name::<T>().unwrap_or(local));
            ErrorKind::Mismatch(Mismatch::Type { local, remote: types.describe(ty), whole: true })
        }
        other => other,
    })
}

pub(super) fn go_name<T>() -> String {
    translate(std::any::type_name::<T>())
}

/// `None` for types that only generated code knows, such as serde's for `deserialize_with`.
pub(super) fn try_go_name<T>() -> Option<String> {
    let rust = std::any::type_name::<T>();
    (!rust.contains("::__")).then(|| translate(rust))
}

/// A Rust type name in Go's notation: `alloc::vec::Vec<i64>` is `[]int64`, `shapes::Point` is
/// `shapes.Point`.
fn translate(rust: &str) -> String {
    let rust = rust.trim().trim_start_matches('&').trim_start_matches("mut ");
    if let Some(inner) = rust.strip_prefix('[').and_then(|r| r.strip_suffix(']')) {
        return match inner.rsplit_once("; ") {
            Some((elem, len)) => format!("[{len}]{}", translate(elem)),
            None => format!("[]{}", translate(inner)),
        };
    }
    let (path, arguments) = match rust.split_once('<') {
        Some((path, rest)) => (path, split_arguments(rest.strip_suffix('>').unwrap_or(rest))),
        None => (rust, Vec::new()),
    };
    let mut segments = path.rsplit("::");
    let name = segments.next().unwrap_or(path);
    let argument = |at: usize| arguments.get(at).map_or_else(|| "?".to_owned(), |a| translate(a));
    match name {
        "i8" | "i16" | "i32" | "i64" => format!("int{}", &name[1..]),
        "u8" | "u16" | "u32" | "u64" => format!("uint{}", &name[1..]),
        "f32" | "f64" => format!("float{}", &name[1..]),
        "isize" => "int".to_owned(),
        "usize" => "uint".to_owned(),
        "char" => "int32".to_owned(),
        "bool" => name.to_owned(),
        "str" | "String" => "string".to_owned(),
        "()" => "struct {}".to_owned(),
        "AtOnce" if path.starts_with("serde_gob::") => argument(0),
        "Any" if path.starts_with("serde_gob::") => "interface {}".to_owned(),
        "Vec" | "VecDeque" | "LinkedList" | "HashSet" | "BTreeSet" => format!("[]{}", argument(0)),
        "HashMap" | "BTreeMap" => format!("map[{}]{}", argument(0), argument(1)),
        "Option" => format!("*{}", argument(0)),
        "Box" | "Rc" | "Arc" | "Cow" => arguments.last().map_or_else(|| "?".to_owned(), |a| translate(a)),
        _ => match segments.next() {
            Some(module) => format!("{module}.{name}"),
            None => name.to_owned(),
        },
    }
}

/// Splits at the commas that are not inside brackets; lifetimes are left out.
fn split_arguments(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut arguments) = (0_u32, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '<' | '[' | '(' => depth += 1,
            '>' | ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                arguments.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    arguments.push(&list[start..]);
    arguments.retain(|argument| !argument.trim().starts_with('\''));
    arguments
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::{BTreeMap, HashMap};

    use super::go_name as name;

    #[test]
    fn rust_types_have_go_names() {
        assert_eq!(name::<bool>(), "bool");
        assert_eq!(name::<i64>(), "int64");
        assert_eq!(name::<Vec<u8>>(), "[]uint8");
        assert_eq!(name::<Vec<Vec<f32>>>(), "[][]float32");
        assert_eq!(name::<HashMap<String, Vec<(i64, bool)>>>(), "map[string][](i64, bool)");
        assert_eq!(name::<BTreeMap<String, Vec<isize>>>(), "map[string][]int");
        assert_eq!(name::<Vec<usize>>(), "[]uint");
        assert_eq!(name::<[i32; 2]>(), "[2]int32");
        assert_eq!(name::<Option<Box<u16>>>(), "*uint16");
        assert_eq!(name::<Cow<'static, str>>(), "string");
        assert_eq!(name::<&'static [u8]>(), "[]uint8");
        assert_eq!(name::<std::net::Ipv4Addr>(), "ip_addr.Ipv4Addr");
    }
}
