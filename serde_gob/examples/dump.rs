//! Prints every value of a gob stream on standard input, whatever its types: `dump < FILE`.
#![allow(clippy::print_stdout)] // what a command-line program is for

use serde_gob::{Dynamic, Reader};
use std::{error::Error, io};

fn main() -> Result<(), Box<dyn Error>> {
    let mut values = Reader::new(io::stdin().lock());
    while let Some(Dynamic { ty, value }) = values.decode()? {
        println!("{ty}\n    {value:?}");
    }
    Ok(())
}
