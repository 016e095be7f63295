//! The Go types of `tests/interop/go/gob/corpus/types.go` in Rust.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_gob::{BigInt, Binary, Complex, GobBytes, GobType, Time};

/// `#[derive]` and the naming rule that every struct here shares.
macro_rules! go_struct {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
        $(#[$meta])*
        #[serde(rename_all = "PascalCase")]
        pub(crate) struct $name { $($(#[$field_meta])* pub(crate) $field: $type),* }
    };
}

go_struct!(
    #[derive(Copy, Default, Eq, PartialOrd, Ord)]
    Point { x: i64, y: i64 }
);
go_struct!(
    #[derive(Copy, Eq)]
    Empty {}
);
go_struct!(#[derive(Default)] Scalars {
    b: bool,
    i: isize,
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    u: usize,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    up: u64,
    f32: f32,
    f64: f64,
    c64: Complex,
    c128: Complex,
    s: String,
    #[serde(with = "serde_bytes")]
    bs: Vec<u8>,
});
go_struct!(#[derive(Default)] Omit {
    a: i64,
    b: String,
    c: Vec<i64>,
    d: Option<BTreeMap<String, i64>>,
    e: [i64; 2],
    f: Point,
    g: Option<AnyValue>,
    h: Option<i64>,
    i: Option<Point>,
    z: bool,
});
go_struct!(#[derive(Default)] Ptrs {
    p: Option<i64>,
    #[serde(rename = "PP")]
    pp: Option<String>,
    s: Option<Point>,
    l: Option<Vec<i64>>,
    m: Option<BTreeMap<String, bool>>,
});
go_struct!(Hidden { shown: i64, last: String });
go_struct!(Base {
    #[serde(rename = "ID")]
    id: u64,
    name: String,
});
go_struct!(Embeds { base: Base, point: Option<Point>, extra: i64 });
go_struct!(#[serde(rename = "")] Inner { z: i64, w: Vec<String> });
go_struct!(Anon { r#in: Inner });
go_struct!(Deep1 { d: Deep2 });
go_struct!(Deep2 { d: Option<Deep3> });
go_struct!(Deep3 { v: BTreeMap<String, Vec<Point>> });
go_struct!(
    #[derive(Default)]
    Sparse {
        a: i64,
        b: i64,
        c: i64,
        d: i64,
        e: i64,
        f: i64,
        g: i64,
        h: i64,
        i: i64,
        j: i64,
        k: i64,
        l: i64,
        m: i64,
        n: i64,
        o: i64,
        p: i64,
        q: i64,
        r: i64,
        s: i64,
        t: i64,
    }
);
go_struct!(Named {
    t: f64,
    l: i64,
    #[serde(with = "serde_bytes")]
    h: Vec<u8>,
    g: Tags,
    k: [u8; 16],
    r: i32,
    d: i64,
});
go_struct!(Unicode {
    #[serde(rename = "Größe")]
    size: i64,
    #[serde(rename = "Ünder")]
    under: String,
    #[serde(rename = "Ω")]
    omega: f64,
});
go_struct!(PtrElems { s: Vec<Option<Point>>, m: BTreeMap<String, Option<Point>>, a: [Option<i64>; 2] });
go_struct!(List { val: i64, next: Option<Box<List>> });
go_struct!(Tree { label: String, children: Vec<Tree> });
go_struct!(MapTree { v: i64, kids: Option<BTreeMap<String, Option<MapTree>>> });
go_struct!(Ping { n: i64, pong: Option<Box<Pong>> });
go_struct!(Pong { s: String, pings: Vec<Ping> });
go_struct!(Circle { r: f64 });
go_struct!(Square { side: f64 });
go_struct!(Drawing { title: String, main: Option<Shape>, more: Vec<Option<Shape>> });
go_struct!(#[serde(rename = "Box")] AnyBox {
    v: Option<Box<AnyValue>>,
});
go_struct!(Wrap { before: i64, v: Option<AnyValue>, after: String });
go_struct!(PluginErr { message: String });
go_struct!(#[serde(rename = "Result")] GoResult { value: i64, err: Option<GoError> });
go_struct!(#[derive(Default)] Opaques {
    v: GobBytes,
    t: Binary,
    w: Option<GobBytes>,
    #[serde(rename = "VS")]
    vs: Vec<GobBytes>,
    #[serde(rename = "MV")]
    mv: Option<BTreeMap<String, Binary>>,
    x: Texty,
});
go_struct!(
    #[derive(Default)]
    Texty { n: i64 }
);
go_struct!(#[derive(Default)] Times { at: Time, opt: Option<Time>, list: Vec<Time> });
go_struct!(Nums {
    big: Option<BigInt>,
    rat: Option<GobBytes>,
    addr: Binary,
    #[serde(rename = "URL")]
    url: Option<Binary>,
});
go_struct!(Request { service_method: String, seq: u64 });
go_struct!(Response { service_method: String, seq: u64, error: String });
go_struct!(GreetArgs { name: String, times: i64, opts: Option<BTreeMap<String, String>> });
go_struct!(Medium {
    #[serde(rename = "ID")]
    id: u64,
    name: String,
    active: bool,
    score: f64,
    count: i64,
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
    tags: Vec<String>,
    attrs: BTreeMap<String, String>,
    pos: Point,
    path: Vec<Point>,
    parent: Option<Base>,
    codes: [i64; 4],
    small: i8,
    flags: u32,
    ratio: f32,
    matrix: Vec<Vec<f64>>,
    nick: String,
    children: Vec<Base>,
    temp: f64,
    note: Option<String>,
});
go_struct!(
    #[derive(Default)]
    Wide {
        f00: i64,
        f01: i64,
        f02: i64,
        f03: i64,
        f04: i64,
        f05: i64,
        f06: i64,
        f07: i64,
        f08: i64,
        f09: i64,
        f10: i64,
        f11: i64,
        f12: i64,
        f13: i64,
        f14: i64,
        f15: i64,
        f16: i64,
        f17: i64,
        f18: i64,
        f19: i64,
        f20: i64,
        f21: i64,
        f22: i64,
        f23: i64,
        f24: i64,
        f25: i64,
        f26: i64,
        f27: i64,
        f28: i64,
        f29: i64,
        f30: i64,
        f31: i64,
        f32: i64,
        f33: i64,
        f34: i64,
        f35: i64,
        f36: i64,
        f37: i64,
        f38: i64,
        f39: i64,
        f40: i64,
        f41: i64,
        f42: i64,
        f43: i64,
        f44: i64,
        f45: i64,
        f46: i64,
        f47: i64,
        f48: i64,
        f49: i64,
        f50: i64,
        f51: i64,
        f52: i64,
        f53: i64,
        f54: i64,
        f55: i64,
        f56: i64,
        f57: i64,
        f58: i64,
        f59: i64,
        f60: String,
        f61: String,
        f62: String,
        f63: String,
        f64: String,
        f65: String,
        f66: String,
        f67: String,
        f68: String,
        f69: String,
    }
);

/// `type Tags []string`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
pub(crate) struct Tags(pub(crate) Vec<String>);

/// `type SelfSlice []SelfSlice`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
pub(crate) struct SelfSlice(pub(crate) Vec<SelfSlice>);

/// Go structs without a name.
pub(crate) mod anonymous {
    use super::*;

    go_struct!(
        #[serde(rename = "")]
        OneFloat { f: f64 }
    );
    go_struct!(
        #[serde(rename = "")]
        Pair { a: i64, b: String }
    );
    go_struct!(#[serde(rename = "")] OneBytes {
        #[serde(with = "serde_bytes")]
        b: Vec<u8>,
    });
}

/// `interface{}` with what the corpus registers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
pub(crate) enum AnyValue {
    #[serde(rename = "int")]
    Int(i64),
    #[serde(rename = "int32")]
    Int32(i32),
    #[serde(rename = "int64")]
    Int64(i64),
    #[serde(rename = "uint8")]
    Uint8(u8),
    #[serde(rename = "string")]
    String(String),
    #[serde(rename = "bool")]
    Bool(bool),
    #[serde(rename = "float64")]
    Float64(f64),
    #[serde(rename = "complex128")]
    Complex128(Complex),
    #[serde(rename = "[]uint8")]
    Bytes(Vec<u8>),
    #[serde(rename = "[]string")]
    Strings(Vec<String>),
    #[serde(rename = "[]interface {}")]
    List(Vec<Option<AnyValue>>),
    #[serde(rename = "map[string]interface {}")]
    Map(BTreeMap<String, Option<AnyValue>>),
    #[serde(rename = "[2]int")]
    TwoInts([i64; 2]),
    #[serde(rename = "goldengob/corpus.Point")]
    Point(Point),
    #[serde(rename = "goldengob/corpus.Box")]
    Box(AnyBox),
    #[serde(rename = "goldengob/corpus.Empty")]
    Empty(Empty),
    #[serde(rename = "goldengob/corpus.Celsius")]
    Celsius(f64),
    #[serde(rename = "goldengob/corpus.List")]
    Linked(List),
    #[serde(rename = "goldengob/corpus.Version")]
    Version(GobBytes),
    #[serde(rename = "time.Time")]
    Time(Time),
}

/// `type Shape interface{ Area() float64 }`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
pub(crate) enum Shape {
    #[serde(rename = "goldengob/corpus.Circle")]
    Circle(Circle),
    #[serde(rename = "shapes.Square")]
    Square(Square),
}

/// `error`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
pub(crate) enum GoError {
    #[serde(rename = "*corpus.PluginErr")]
    PluginErr(PluginErr),
}
