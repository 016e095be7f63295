//! Why a plugin may not have started: what a look at its file says.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

/// A help text for a plugin that said nothing sensible: the likely causes, then what its file looks like.
/// Never fails; what cannot be found out is left out. Blocks on the file system for a moment.
pub(crate) fn diagnose(program: &OsStr) -> String {
    let mut text = String::from(
        "This usually means\n  \
         the plugin was built for another architecture,\n  \
         shared libraries that it needs are missing,\n  \
         its file permissions do not let this process execute it, or\n  \
         it failed to negotiate the go-plugin handshake\n",
    );
    if let Some(path) = resolve(program, None)
        && let Ok(meta) = fs::metadata(&path)
    {
        let _ = write!(text, "\nAbout the plugin's file:\n  Path: {}\n", path.display());
        describe_rights(&mut text, &meta);
        if let Some((format, machine)) = architecture(&first_bytes(&path)) {
            let host = std::env::consts::ARCH;
            let _ = writeln!(text, "  {format} architecture: {machine} (current architecture: {host})");
        }
    }
    text
}

/// The file that a command name stands for: as it is with a directory in it, otherwise found on `search`, this process's
/// `PATH` if there is none.
pub(super) fn resolve(program: &OsStr, search: Option<&OsStr>) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.components().count() > 1 || path.is_absolute() {
        return Some(path.to_owned());
    }
    let search = search.map(OsStr::to_owned).or_else(|| std::env::var_os("PATH"))?;
    std::env::split_paths(&search).map(|dir| dir.join(path)).find(|file| file.is_file())
}

#[cfg(unix)]
fn describe_rights(text: &mut String, meta: &fs::Metadata) {
    use rustix::process::{getegid, geteuid};
    use std::os::unix::fs::MetadataExt;

    let _ = writeln!(text, "  Mode: {:04o}", meta.mode() & 0o7777);
    let _ = writeln!(text, "  Owner: {} (current: {})", meta.uid(), geteuid().as_raw());
    let _ = writeln!(text, "  Group: {} (current: {})", meta.gid(), getegid().as_raw());
}

#[cfg(not(unix))]
fn describe_rights(text: &mut String, meta: &fs::Metadata) {
    let _ =
        writeln!(text, "  Mode: {}", if meta.permissions().readonly() { "read-only" } else { "writable" });
}

/// Where the PE header may lie and still be found; linkers put it at 0x80 to 0x200.
const HEADER: u64 = 4096;

fn first_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A directory or an unreadable file has no first bytes.
    let _ = File::open(path).and_then(|file| file.take(HEADER).read_to_end(&mut bytes));
    bytes
}

/// The executable format and the machine it is for, from a file's first bytes; names as Rust's `target_arch`.
fn architecture(file: &[u8]) -> Option<(&'static str, String)> {
    match file {
        [0x7f, b'E', b'L', b'F', _, order, ..] => {
            let machine = u16_at(file, 18, *order == 2)?;
            Some(("ELF", named(elf_machine(machine), machine.into())))
        }
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => Some(("Mach-O", cpu(u32_at(file, 4, false)?))),
        [0xfe, 0xed, 0xfa, 0xcf | 0xce, ..] => Some(("Mach-O", cpu(u32_at(file, 4, true)?))),
        [0xca, 0xfe, 0xba, 0xbe, ..] => universal(file),
        [b'M', b'Z', ..] => {
            let header = usize::try_from(u32_at(file, 0x3c, false)?).ok()?;
            let header = file.get(header..)?;
            let machine = header.starts_with(b"PE\0\0").then(|| u16_at(header, 4, false))??;
            Some(("PE", named(pe_machine(machine), machine.into())))
        }
        [b'#', b'!', ..] => {
            let line = file[2..].split(|&byte| byte == b'\n').next().unwrap_or_default();
            Some(("Script", format!("run by {}", String::from_utf8_lossy(line).trim())))
        }
        _ => None,
    }
}

/// Mach-O with several architectures in one file. Java's class files start with the same four bytes, but then
/// have a version where the count is, and that is above 40.
fn universal(file: &[u8]) -> Option<(&'static str, String)> {
    let count = usize::try_from(u32_at(file, 4, true)?).ok().filter(|count| (1..=40).contains(count))?;
    let each = (0..count).map_while(|i| u32_at(file, 8 + 20 * i, true)).map(cpu);
    Some(("Mach-O universal", each.collect::<Vec<_>>().join(", ")))
}

fn named(name: Option<&str>, number: u32) -> String {
    name.map_or_else(|| format!("unknown ({number:#x})"), str::to_owned)
}

fn elf_machine(machine: u16) -> Option<&'static str> {
    Some(match machine {
        3 => "x86",
        8 => "mips",
        20 => "powerpc",
        21 => "powerpc64",
        22 => "s390x",
        40 => "arm",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv",
        258 => "loongarch64",
        _ => return None,
    })
}

fn cpu(cpu: u32) -> String {
    let name = match cpu {
        7 => Some("x86"),
        0x0100_0007 => Some("x86_64"),
        12 => Some("arm"),
        0x0100_000c => Some("aarch64"),
        _ => None,
    };
    named(name, cpu)
}

fn pe_machine(machine: u16) -> Option<&'static str> {
    Some(match machine {
        0x014c => "x86",
        0x01c0 | 0x01c4 => "arm",
        0x6264 => "loongarch64",
        0x8664 => "x86_64",
        0xaa64 => "aarch64",
        _ => return None,
    })
}

fn u16_at(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let raw = *bytes.get(at..)?.first_chunk()?;
    Some(if big { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) })
}

fn u32_at(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let raw = *bytes.get(at..)?.first_chunk()?;
    Some(if big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_format_and_machine() {
        let elf = |order: u8, machine: [u8; 2]| [&b"\x7fELF\x02"[..], &[order], &[0; 12], &machine].concat();
        let pe = [&b"MZ"[..], &[0; 0x3a], &[0x80, 0, 0, 0], &[0; 0x40], b"PE\0\0\x64\xaa"].concat();
        let fat =
            [&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2][..], &[1, 0, 0, 7], &[0; 16], &[1, 0, 0, 12], &[0; 16]]
                .concat();
        for (file, expected) in [
            (elf(1, [62, 0]), Some("ELF x86_64")),
            (elf(1, [183, 0]), Some("ELF aarch64")),
            (elf(2, [0, 22]), Some("ELF s390x")),
            (elf(1, [0xff, 0x7f]), Some("ELF unknown (0x7fff)")),
            (vec![0xcf, 0xfa, 0xed, 0xfe, 12, 0, 0, 1], Some("Mach-O aarch64")),
            (fat, Some("Mach-O universal x86_64, aarch64")),
            (pe, Some("PE aarch64")),
            (b"#!/bin/sh -e\necho\n".to_vec(), Some("Script run by /bin/sh -e")),
            (b"\x7fELF\x02\x01".to_vec(), None),
            (b"MZ".to_vec(), None),
            (vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61], None),
            (b"hello".to_vec(), None),
            (vec![], None),
        ] {
            let found = architecture(&file).map(|(format, machine)| format!("{format} {machine}"));
            assert_eq!(found.as_deref(), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_command_found_on_the_path_is_described() {
        let text = diagnose("sh".as_ref());
        for part in ["This usually means", "Path: /", "/sh\n", "Mode: ", "Owner: 0 (current: "] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
    }

    #[test]
    fn a_missing_file_leaves_the_likely_causes() {
        let text = diagnose("/nonexistent/plugin".as_ref());
        assert!(text.contains("This usually means") && !text.contains("Path:"), "{text}");
    }
}
