//! What Go's decoder gives for each stream of `golden.json`, as Rust values.

use std::collections::BTreeMap;

use serde_gob::{BigInt, Binary, Complex, GobBytes, Time};

use super::Visit;
use super::types::{anonymous, *};

fn map<K: Ord, V, const N: usize>(entries: [(K, V); N]) -> BTreeMap<K, V> {
    BTreeMap::from(entries)
}

fn text(s: &str) -> String {
    s.to_owned()
}

fn texts<const N: usize>(items: [&str; N]) -> Vec<String> {
    items.map(text).to_vec()
}

fn any(value: AnyValue) -> Option<AnyValue> {
    Some(value)
}

fn wrap(before: i64, v: Option<AnyValue>, after: &str) -> Wrap {
    Wrap { before, v, after: text(after) }
}

fn point(x: i64, y: i64) -> Point {
    Point { x, y }
}

fn base(id: u64, name: &str) -> Base {
    Base { id, name: text(name) }
}

fn list(val: i64, next: Option<List>) -> List {
    List { val, next: next.map(Box::new) }
}

fn bytes(b: &[u8]) -> Vec<u8> {
    b.to_vec()
}

fn response(seq: u64, method: &str, error: &str) -> Response {
    Response { service_method: text(method), seq, error: text(error) }
}

fn request(seq: u64) -> Request {
    Request { service_method: text("Plugin.Greet"), seq }
}

/// 2024-02-29T12:34:56.789Z
fn leap_day() -> Time {
    Time::from_unix(1_709_210_096, 789_000_000).expect("in range")
}

fn medium() -> Medium {
    Medium {
        id: 123_456_789,
        name: text("medium struct"),
        active: true,
        score: 98.6,
        count: -42,
        data: b"0123456789abcdef".to_vec(),
        tags: texts(["alpha", "beta", "gamma"]),
        attrs: map([(text("key"), text("value"))]),
        pos: point(3, -4),
        path: vec![point(1, 1), point(2, 4), point(3, 9)],
        parent: Some(base(1, "parent")),
        codes: [1, 2, 3, 4],
        small: -7,
        flags: 0xdead_beef,
        ratio: 0.25,
        matrix: vec![vec![1.0, 0.0], vec![0.0, 1.0]],
        nick: text("nick"),
        children: vec![base(2, "c1"), base(3, "c2")],
        temp: 36.6,
        note: Some(text("note")),
    }
}

/// `corpus! { NAME => value, value…; }`: one row per stream, one value per `Encode` call.
macro_rules! corpus {
    ($($name:literal => $($value:expr),+;)*) => {
        /// The streams that have a typed form here, in the order of `golden.json`.
        pub(crate) const NAMES: &[&str] = &[$($name),*];

        /// Shows the values of one stream to `v`.
        pub(crate) fn visit(name: &str, v: &mut impl Visit) {
            match name {
                $($name => { $(v.value($value);)+ })*
                other => panic!("golden.json has a stream without typed values: {other}"),
            }
        }
    };
}

corpus! {
    "bool_true" => true;
    "bool_false" => false;
    "int_small" => 3_i64;
    "int_zero" => 0_i64;
    "int_negative" => -129_i64;
    "int_edges" => 63_i64, 64_i64, -64_i64, -65_i64;
    "int_extremes" => i64::MIN, i64::MAX;
    "int_widths" => -128_i8, -32768_i16, i32::MIN, i32::from(b'x');
    "uint_edges" => 0_u64, 127_u64, 128_u64, 255_u64, 256_u64, u64::MAX;
    "uint_widths" => 200_u8, 65535_u16, u32::MAX, 7_usize;
    "float_values" => 0.0, 17.0, -1.5, 0.1, f64::MAX, 5e-324;
    "float_special" => -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY;
    "float32_values" => 0.1_f32, f32::MAX, -2.5_f32;
    "complex_values" => Complex::new(1.0, -2.0), Complex::new(0.5, 0.0), Complex::new(0.0, 0.0);
    "string_values" => text(""), text("hello"), text("héllo, 世界");
    "string_not_utf8" => serde_gob::GoString::from(b"a\xff\xfeb".to_vec());
    "string_long" => "gob".repeat(100);
    "bytes_values" => bytes(&[]), bytes(&[0, 1, 127, 128, 255]), bytes(&[]);
    "named_scalars" => 36.6_f64, -3_i64, 1500_i64;

    "slice_int" => vec![1_i64, -2, 0, 300];
    "slice_int_empty" => Vec::<i64>::new();
    "slice_string" => texts(["a", "", "ccc"]);
    "slice_bool" => vec![true, false, true];
    "slice_float" => vec![1.0, 0.5, -0.25, 0.0];
    "slice_uint16" => vec![0_u16, 1, 65535];
    "slice_complex" => vec![Complex::new(1.0, 2.0), Complex::new(0.0, 0.0)];
    "slice_of_bytes" => vec![bytes(&[1]), bytes(&[]), bytes(&[2, 3])];
    "slice_nested" => vec![vec![vec![1_i64], vec![]], vec![], vec![vec![2, 3]]];
    "slice_struct" => vec![point(1, 2), point(0, 0), point(0, 5)];
    "slice_named" => Tags(texts(["x", "y"])), bytes(&[9, 8]);
    "array_int" => [7_i64, 0, -7];
    "array_bytes" => [1_u8, 127, 128, 255];
    "array_empty" => [0_i64; 0];
    "array_nested" => [["a", "", "c"].map(text), ["", "", "f"].map(text)];
    "map_one" => map([(text("k"), 42_i64)]);
    "map_many" => map([(text("a"), 1_i64), (text("b"), 2), (text("zero"), 0), (text(""), -1)]);
    "map_empty" => BTreeMap::<String, i64>::new();
    "map_int_key" => map([(-5_i64, text("minus five"))]);
    "map_array_key" => map([([1_i64, 2], true)]);
    "map_struct_key" => map([(point(1, 2), point(3, 4))]);
    "map_of_slices" => map([(text("s"), vec![1_i64, 2, 3])]);
    "map_of_maps" => map([(text("m"), map([(1_i64, true)]))]);

    "point" => point(22, 33);
    "point_zero" => point(0, 0);
    "point_pointer" => point(1, 0);
    "empty_struct" => Empty {}, ();
    "scalars_full" => Scalars {
        b: true,
        i: -1,
        i8: -8,
        i16: -16,
        i32: -32,
        i64: -64,
        u: 1,
        u8: 8,
        u16: 16,
        u32: 32,
        u64: 64,
        up: 5,
        f32: 1.5,
        f64: -2.25,
        c64: Complex::new(1.0, 2.0),
        c128: Complex::new(-3.0, 4.0),
        s: text("s"),
        bs: b"bytes".to_vec(),
    };
    "scalars_zero" => Scalars::default();
    "omit_all_zero" => Omit::default();
    "omit_empty_containers" => Omit { d: Some(BTreeMap::new()), ..Omit::default() };
    "omit_pointer_to_zero" => Omit { i: Some(point(0, 0)), ..Omit::default() };
    "omit_negative_zero_float" => anonymous::OneFloat { f: 0.0 };
    "omit_last_only" => Omit { z: true, ..Omit::default() };
    "pointers_set" => Ptrs {
        p: Some(5),
        pp: Some(text("deep")),
        s: Some(point(1, 2)),
        l: Some(vec![1]),
        m: Some(map([(text("t"), true)])),
    };
    "pointers_nil" => Ptrs::default();
    "hidden_fields" => Hidden { shown: 1, last: text("z") };
    "embedded" => Embeds { base: base(7, "b"), point: Some(point(1, 2)), extra: 3 };
    "anonymous_struct_field" => Anon { r#in: Inner { z: 5, w: texts(["w"]) } };
    "deep_nesting" => Deep1 {
        d: Deep2 { d: Some(Deep3 { v: map([(text("k"), vec![point(1, 1), point(0, 2)])]) }) },
    };
    "sparse_fields" => Sparse { a: 1, h: 8, t: 20, ..Sparse::default() };
    "wide_struct" => Wide { f69: text("last"), ..Wide::default() },
        Wide { f00: 1, f31: 2, f63: text("x"), ..Wide::default() };
    "named_types" => Named {
        t: 36.6,
        l: 2,
        h: vec![1, 2],
        g: Tags(texts(["t"])),
        k: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255],
        r: '世' as i32,
        d: 5_000_000_000,
    };
    "unicode_field_names" => Unicode { size: 1, under: text("u"), omega: 2.5 };
    "pointer_elements" => PtrElems {
        s: vec![Some(point(1, 2)), Some(point(0, 0))],
        m: map([(text("p"), Some(point(3, 4)))]),
        a: [Some(0), Some(9)],
    };
    "anonymous_struct" => anonymous::Pair { a: 1, b: text("b") };
    "medium" => medium();

    "list" => list(1, Some(list(2, Some(list(3, None)))));
    "tree" => Tree {
        label: text("root"),
        children: vec![
            Tree { label: text("a"), children: vec![] },
            Tree { label: text("b"), children: vec![Tree { label: text("c"), children: vec![] }] },
        ],
    };
    "map_tree" => MapTree { v: 1, kids: Some(map([(text("k"), Some(MapTree { v: 2, kids: None }))])) };
    "mutual" => Ping {
        n: 1,
        pong: Some(Box::new(Pong { s: text("s"), pings: vec![Ping { n: 2, pong: None }] })),
    };
    "self_slice" => SelfSlice(vec![SelfSlice(vec![]), SelfSlice(vec![SelfSlice(vec![])])]);

    "iface_nil" => None::<AnyValue>;
    "iface_int" => any(AnyValue::Int(42));
    "iface_basic" => any(AnyValue::String(text("s"))),
        any(AnyValue::Bool(true)),
        any(AnyValue::Float64(1.5)),
        any(AnyValue::Uint8(7)),
        any(AnyValue::Bytes(bytes(&[1]))),
        any(AnyValue::Strings(texts(["a"]))),
        any(AnyValue::Complex128(Complex::new(1.0, 2.0))),
        any(AnyValue::Int32(-1));
    "iface_struct" => any(AnyValue::Point(point(1, 2)));
    "iface_zero_struct" => any(AnyValue::Point(point(0, 0)));
    "iface_empty_struct" => any(AnyValue::Empty(Empty {}));
    "iface_field_nil" => wrap(1, None, "z");
    "iface_field_int" => wrap(1, any(AnyValue::Int(7)), "z");
    "iface_field_zero_int" => wrap(1, any(AnyValue::Int(0)), "z");
    "iface_field_struct" => wrap(1, any(AnyValue::Point(point(3, 4))), "z");
    "iface_field_struct_twice" => wrap(1, any(AnyValue::Point(point(3, 4))), "z"),
        wrap(2, any(AnyValue::Point(point(5, 6))), "y");
    "iface_nested" => wrap(
        1,
        any(AnyValue::Box(AnyBox { v: Some(Box::new(AnyValue::Point(point(3, 4)))) })),
        "z",
    );
    "iface_array" => any(AnyValue::TwoInts([1, 2]));
    "iface_map_any" => map([(text("k"), any(AnyValue::Point(point(1, 2))))]);
    "iface_map_any_many" => map([
        (text("i"), any(AnyValue::Int(1))),
        (text("s"), any(AnyValue::String(text("two")))),
        (text("b"), any(AnyValue::Bool(true))),
        (text("f"), any(AnyValue::Float64(2.5))),
        (text("nil"), None),
        (text("raw"), any(AnyValue::Bytes(bytes(&[1, 2])))),
        (
            text("list"),
            any(AnyValue::List(vec![any(AnyValue::Int(1)), any(AnyValue::String(text("x"))), None])),
        ),
        (text("m"), any(AnyValue::Map(map([(text("in"), any(AnyValue::Int64(5)))])))),
    ]);
    "iface_slice_any" => vec![
        any(AnyValue::Int(1)),
        any(AnyValue::String(text("two"))),
        None,
        any(AnyValue::Float64(3.5)),
        any(AnyValue::Point(point(1, 2))),
        any(AnyValue::Strings(texts(["s"]))),
    ];
    "shapes_nil" => Drawing { title: text("none"), main: None, more: vec![] };
    "shapes" => Drawing {
        title: text("d"),
        main: Some(Shape::Circle(Circle { r: 2.0 })),
        more: vec![
            Some(Shape::Square(Square { side: 3.0 })),
            Some(Shape::Circle(Circle { r: 1.0 })),
            None,
        ],
    };
    "error_value" => GoResult {
        value: 1,
        err: Some(GoError::PluginErr(PluginErr { message: text("boom") })),
    };
    "error_nil" => GoResult { value: 2, err: None };
    "iface_named_float" => any(AnyValue::Celsius(1.5));
    "iface_recursive" => any(AnyValue::Linked(list(1, Some(list(2, None)))));

    "time_utc" => leap_day();
    "time_offset" => Time::from_unix(-14_164_940, 0).and_then(|t| t.with_offset(-5 * 3600)).expect("in range");
    "time_zero" => Time::default();
    "time_in_struct" => Times {
        at: leap_day(),
        opt: Some(leap_day()),
        list: vec![leap_day(), Time::default()],
    },
        Times::default();
    "time_in_iface" => any(AnyValue::Time(leap_day()));
    "opaque_types" => Opaques {
        v: GobBytes::from(vec![1, 2]),
        t: Binary::from(b"tok:a".to_vec()),
        w: Some(GobBytes::from(vec![3, 4])),
        vs: vec![GobBytes::from(vec![5, 6]), GobBytes::from(vec![0, 0])],
        mv: Some(map([(text("k"), Binary::from(b"tok:v".to_vec()))])),
        x: Texty { n: 5 },
    };
    "opaque_zero" => Opaques::default();
    "opaque_top" => GobBytes::from(vec![7, 8]);
    "opaque_in_iface" => any(AnyValue::Version(GobBytes::from(vec![9, 9])));
    "std_opaque" => Nums {
        big: Some(BigInt::from(-1_234_567_890_123_456_789_i64)),
        rat: Some(GobBytes::from(vec![2, 0, 0, 0, 1, 0x16, 7])),
        addr: Binary::from(vec![10, 1, 2, 3]),
        url: Some(Binary::from(b"https://example.org/a?b=c".to_vec())),
    };
    "net_ip" => bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]);

    "stream_same_type" => point(1, 2), point(3, 4), point(0, 0);
    "stream_mixed" => point(1, 2), text("text"), base(1, "b"), point(3, 4), vec![1_i64], vec![2_i64];
    "rpc_request_nil_args" => request(0), None::<AnyValue>;
    "rpc_conversation_client" => request(0),
        GreetArgs { name: text("Ann"), times: 2, opts: Some(map([(text("lang"), text("en"))])) },
        request(1),
        GreetArgs { name: text("Bob"), times: 0, opts: None };
    "rpc_response_string" => response(0, "Plugin.Greet", ""), text("Hello!");
    "rpc_response_error" => response(3, "Plugin.Greet", "no such name"), ();
    "rpc_conversation_server" => response(0, "Plugin.Greet", ""),
        text("Hello!"),
        response(1, "Plugin.Bad", "rpc: can't find method Plugin.Bad"),
        (),
        response(2, "Plugin.Greet", ""),
        text("");
    "bytes_300" => anonymous::OneBytes { b: vec![0x80; 300] };
}
