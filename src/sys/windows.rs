//! Windows' calls about other processes.

use std::{
    io,
    mem::size_of,
    os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle},
    process,
    ptr::{from_ref, null},
    sync::OnceLock,
    time::Duration,
};
use windows_sys::Win32::{
    Foundation::{
        ERROR_INVALID_PARAMETER, FILETIME, HANDLE, INVALID_HANDLE_VALUE, WAIT_FAILED, WAIT_OBJECT_0,
    },
    System::{
        Diagnostics::ToolHelp::{
            CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
        },
        JobObjects::{
            AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
            JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
            JobObjectExtendedLimitInformation, SetInformationJobObject,
        },
        Threading::{
            GetCurrentProcess, GetProcessTimes, INFINITE, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
            PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, TerminateProcess, WaitForSingleObject,
        },
    },
};

/// The exit code of a killed process. std's `Child::kill` gives this one too.
const KILLED: u32 = 1;

/// A process by a handle. While it is open the process's id is nobody else's, and what is asked of it is asked of no other one.
#[derive(Debug)]
pub(crate) struct Process {
    handle: OwnedHandle,
    /// Whether the handle allows to end it.
    may_end: bool,
}

impl Process {
    /// The process with this id, `None` if there is none that runs.
    ///
    /// # Errors
    /// If it may not even be watched: it is another user's, or the system's.
    pub(crate) fn open(id: u32) -> io::Result<Option<Self>> {
        let watched = PROCESS_SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION;
        let open = |access| {
            // SAFETY: takes and gives plain values; no memory of ours is involved.
            unsafe { owned(OpenProcess(access, 0, id)) }
        };
        let (opened, may_end) = match open(watched | PROCESS_TERMINATE) {
            Ok(handle) => (Ok(handle), true),
            Err(_) => (open(watched), false),
        };
        match opened {
            Ok(handle) => {
                let process = Self { handle, may_end };
                // Its id and what is left of it stay for as long as anybody has a handle.
                Ok((!process.ended_within(Duration::ZERO)?).then_some(process))
            }
            // Windows' answer for an id that is nobody's.
            Err(error) if error.raw_os_error() == Some(ERROR_INVALID_PARAMETER.cast_signed()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The process that started this one, `None` if it has ended.
    ///
    /// # Errors
    /// If it may not be watched, and what the system makes impossible.
    pub(crate) fn parent() -> io::Result<Option<Self>> {
        let Some(parent) = parent_id()? else { return Ok(None) };
        let Some(parent) = Self::open(parent)? else { return Ok(None) };
        // Windows keeps the number of a parent that has gone, and gives it to the next one.
        let in_our_time = parent.started()? <= started(current())?;
        Ok(in_our_time.then_some(parent))
    }

    /// Blocks until the process has ended, for no longer than `limit`; true if it has.
    pub(crate) fn ended_within(&self, limit: Duration) -> io::Result<bool> {
        wait(self.handle.as_handle(), limit.as_millis().try_into().unwrap_or(INFINITE - 1))
    }

    /// Ends it at once. One that has ended is no error.
    pub(crate) fn end(&self) -> io::Result<()> {
        if !self.may_end {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        // SAFETY: an open handle, which allows this.
        let ended = check(unsafe { TerminateProcess(self.handle.as_raw_handle(), KILLED) });
        match ended {
            // Refused for a process that is ending.
            Err(_) if self.ended_within(Duration::ZERO)? => Ok(()),
            ended => ended,
        }
    }

    fn started(&self) -> io::Result<u64> {
        started(self.handle.as_handle())
    }
}

/// Blocks until the child has ended. Its status is not taken, and other threads may use it meanwhile.
pub(crate) fn wait_for_end(child: &OwnedHandle) -> io::Result<()> {
    wait(child.as_handle(), INFINITE).map(drop)
}

/// Has the system kill the child when this process ends, however it does. Those that the child starts are let be, as elsewhere.
pub(crate) fn end_with_parent(child: &process::Child) -> io::Result<()> {
    /// Closed by the system when this process ends, and by nobody before.
    static JOB: OnceLock<OwnedHandle> = OnceLock::new();
    let job = match JOB.get() {
        Some(job) => job,
        None => {
            let new = job()?;
            JOB.get_or_init(|| new)
        }
    };
    // SAFETY: two open handles, of a job and of a process.
    check(unsafe { AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle()) })
}

/// A job whose processes the system kills when its last handle is closed. The handle is not inherited.
fn job() -> io::Result<OwnedHandle> {
    // SAFETY: neither attributes nor a name.
    let job = unsafe { owned(CreateJobObjectW(null(), null())) }?;
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    // SAFETY: the structure that the class asks for, and its size.
    check(unsafe {
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            from_ref(&limits).cast(),
            size_of_val(&limits).try_into().unwrap_or(u32::MAX),
        )
    })?;
    Ok(job)
}

/// The id of the process that started this one.
fn parent_id() -> io::Result<Option<u32>> {
    // SAFETY: takes plain values.
    let processes = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if processes == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and nobody else's.
    let processes = unsafe { owned(processes) }?;
    let size = size_of::<PROCESSENTRY32W>().try_into().unwrap_or(u32::MAX);
    let mut entry = PROCESSENTRY32W { dwSize: size, ..PROCESSENTRY32W::default() };
    // SAFETY: an open snapshot, and a structure that says how large it is.
    let mut found = unsafe { Process32FirstW(processes.as_raw_handle(), &mut entry) };
    while found != 0 {
        if entry.th32ProcessID == process::id() {
            return Ok(Some(entry.th32ParentProcessID));
        }
        // SAFETY: as above.
        found = unsafe { Process32NextW(processes.as_raw_handle(), &mut entry) };
    }
    Ok(None)
}

fn current() -> BorrowedHandle<'static> {
    // SAFETY: a constant that stands for this process, which nobody closes.
    unsafe { BorrowedHandle::borrow_raw(GetCurrentProcess()) }
}

/// When a process started, in units of 100 ns.
fn started(process: BorrowedHandle<'_>) -> io::Result<u64> {
    let [mut created, mut exited, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: an open handle, and four structures to write to.
    check(unsafe {
        GetProcessTimes(process.as_raw_handle(), &mut created, &mut exited, &mut kernel, &mut user)
    })?;
    Ok(u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime))
}

/// True if the process has ended within so many milliseconds.
fn wait(process: BorrowedHandle<'_>, milliseconds: u32) -> io::Result<bool> {
    // SAFETY: an open handle.
    match unsafe { WaitForSingleObject(process.as_raw_handle(), milliseconds) } {
        WAIT_FAILED => Err(io::Error::last_os_error()),
        result => Ok(result == WAIT_OBJECT_0),
    }
}

/// # Safety
/// The handle is null (and the last error says why), or open and owned by nobody.
unsafe fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

fn check(succeeded: i32) -> io::Result<()> {
    if succeeded == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
