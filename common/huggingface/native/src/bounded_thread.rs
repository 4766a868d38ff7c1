//! Work on texts from outside, on a thread of its own with a stack that
//! recursion over them does not fill, and with bounds on memory and time.
//!
//! Rust cannot refuse an allocation and go on. So a thread that asks for too
//! much is held where it stands, for good: it keeps what it has, at most
//! `MEMORY_BYTES` and what it used of its stack, until the process ends. The same
//! work is not begun a second time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::boundary::Failure;

const MEMORY_BYTES: usize = 64 << 20;
// Counted per allocation, so that many small ones are bounded, too. With it, a
// value nested as deep as MEMORY_BYTES allow takes about a third of the stack.
const ALLOCATION_BYTES: usize = 64;
// Taken from the system as it is used.
const STACK_BYTES: usize = 512 << 20;
const LONGEST: Duration = Duration::from_secs(60);

/// Of texts that were refused: each may keep a thread and what it holds.
const MOST_REFUSED: usize = 32;
const TOO_MUCH_MEMORY: &str = "takes more than 64 MiB of memory";
const TOO_LONG: &str = "takes more than 60 seconds";

static REFUSED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

#[derive(Clone, Copy)]
enum State {
    Running,
    Done,
    Held,
}

struct Watch {
    state: Mutex<State>,
    changed: Condvar,
    cancelled: AtomicBool,
}

thread_local! {
    // Of the work under way on this thread; null: its memory is not counted.
    static WATCH: Cell<*const Watch> = const { Cell::new(std::ptr::null()) };
    static USED_BYTES: Cell<usize> = const { Cell::new(0) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    fn new() -> Watch {
        Watch {
            state: Mutex::new(State::Running),
            changed: Condvar::new(),
            cancelled: AtomicBool::new(false),
        }
    }

    // Allocates nothing.
    fn change(&self, state: State) {
        *lock(&self.state) = state;
        self.changed.notify_all();
    }

    fn wait(&self) -> Result<(), &'static str> {
        let end = Instant::now() + LONGEST;
        let mut state = lock(&self.state);
        loop {
            match *state {
                State::Done => return Ok(()),
                State::Held => return Err(TOO_MUCH_MEMORY),
                State::Running => {}
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.cancelled.store(true, Ordering::Relaxed);
                return Err(TOO_LONG);
            }
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn hold(watch: &Watch) -> ! {
    WATCH.set(std::ptr::null());
    watch.change(State::Held);
    loop {
        // Safety: it only waits for signals.
        unsafe { libc::pause() };
    }
}

fn count(bytes: usize) {
    let watch = WATCH.get();
    if watch.is_null() {
        return;
    }
    // Safety: `run` keeps it alive for as long as the thread works.
    let watch = unsafe { &*watch };
    let used = USED_BYTES.get().saturating_add(bytes);
    if used > MEMORY_BYTES || watch.cancelled.load(Ordering::Relaxed) {
        hold(watch);
    }
    USED_BYTES.set(used);
}

fn discount(bytes: usize) {
    // Some may have been allocated before the work began.
    USED_BYTES.set(USED_BYTES.get().saturating_sub(bytes));
}

struct Counting;

// Safety: all is the system's; counting allocates nothing and never unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().saturating_add(ALLOCATION_BYTES));
        System.alloc(layout)
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().saturating_add(ALLOCATION_BYTES));
        System.alloc_zeroed(layout)
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > layout.size() {
            count(size - layout.size());
        } else {
            discount(layout.size() - size);
        }
        System.realloc(pointer, layout, size)
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        discount(layout.size().saturating_add(ALLOCATION_BYTES));
        System.dealloc(pointer, layout);
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn key_of(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// Runs `work`; what is refused once is refused again without being begun if
/// `name`, such as the text that it works on, is the same.
pub fn run<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let key = key_of(name);
    {
        let refused = lock(&REFUSED);
        if refused.contains(&key) {
            return Err(Failure::Invalid("took too much memory or time before".to_string()));
        }
        // Each of them may keep a thread and its memory.
        if refused.len() >= MOST_REFUSED {
            return Err(Failure::Invalid(
                "too many others took too much memory or time; start this process anew".to_string(),
            ));
        }
    }
    let watch = Arc::new(Watch::new());
    let of_thread = Arc::clone(&watch);
    let thread = Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || {
            USED_BYTES.set(0);
            WATCH.set(Arc::as_ptr(&of_thread));
            let outcome = catch_unwind(AssertUnwindSafe(work));
            WATCH.set(std::ptr::null());
            of_thread.change(State::Done);
            outcome
        })
        .map_err(|error| Failure::Internal(format!("cannot start a thread: {error}")))?;
    if let Err(reason) = watch.wait() {
        lock(&REFUSED).insert(key);
        return Err(Failure::Invalid(reason.to_string()));
    }
    match thread.join() {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) | Err(panic) => resume_unwind(panic),
    }
}
