//! `tracing` callsites made at run time.
//!
//! `tracing` wants target, level and field names of an event to be static. A plugin's are not, so each combination
//! that occurs is leaked once and kept. What a plugin can make us keep is bounded; beyond that its keys travel as one
//! JSON field.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

use tracing::{Event, Level, Metadata, Value, dispatcher, field, level_filters::LevelFilter};
use tracing_core::{Kind, callsite, field::FieldSet, identify_callsite, subscriber::Interest};

/// Fields of one event, the message not counted. hclog lines rarely have more than ten; `tracing` itself stopped at 32
/// for years.
pub(super) const MAX_FIELDS: usize = 31;
/// Bytes of all field names of one event.
const MAX_NAME_BYTES: usize = 1024;
/// Combinations of level and field names per target: a plugin has about as many as it has log statements.
const MAX_FIELD_SETS: usize = 256;
/// The same for the whole process, whatever number of plugins it runs: about 8 MiB at most.
const MAX_FIELD_SETS_IN_ALL: usize = 4096;
/// Distinct plugin names. A host with more shares one target among the rest.
const MAX_TARGETS: usize = 1024;

const LEVELS: [Level; 5] = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];

/// A callsite that lives for ever.
struct Callsite {
    metadata: OnceLock<Metadata<'static>>,
    interest: AtomicU8,
}

const NEVER: u8 = 0;
const SOMETIMES: u8 = 1;
const ALWAYS: u8 = 2;

impl tracing_core::Callsite for Callsite {
    fn set_interest(&self, interest: Interest) {
        let interest = match interest {
            i if i.is_never() => NEVER,
            i if i.is_always() => ALWAYS,
            _ => SOMETIMES,
        };
        self.interest.store(interest, Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata.get().expect("set before the callsite is registered")
    }
}

impl Callsite {
    fn leak(target: &'static str, level: Level, names: &'static [&'static str]) -> &'static Self {
        let site: &'static Self =
            Box::leak(Box::new(Self { metadata: OnceLock::new(), interest: AtomicU8::new(SOMETIMES) }));
        let fields = FieldSet::new(names, identify_callsite!(site));
        site.metadata.get_or_init(|| {
            Metadata::new("plugin log line", target, level, None, None, None, fields, Kind::EVENT)
        });
        callsite::register(site);
        site
    }

    fn enabled(&self, metadata: &Metadata<'static>) -> bool {
        if *metadata.level() > LevelFilter::current() {
            return false;
        }
        match self.interest.load(Ordering::Relaxed) {
            NEVER => false,
            ALWAYS => true,
            _ => dispatcher::get_default(|dispatch| dispatch.enabled(metadata)),
        }
    }

    /// Emits an event. `values` belong to the fields in order; missing ones stay unset.
    fn emit<'a>(&'static self, values: impl Iterator<Item = Option<&'a dyn Value>>) {
        let Some(metadata) = self.metadata.get() else { return };
        if !self.enabled(metadata) {
            return;
        }
        let fields: Vec<_> = metadata.fields().iter().collect();
        let Some(first) = fields.first() else { return };
        // A value set has a fixed length: what is not used is the first field without a value.
        let mut set: [(&field::Field, Option<&dyn Value>); MAX_FIELDS + 1] = [(first, None); MAX_FIELDS + 1];
        for (slot, pair) in set.iter_mut().zip(fields.iter().zip(values)) {
            *slot = pair;
        }
        Event::dispatch(metadata, &metadata.fields().value_set(&set));
    }
}

/// Everything that was leaked for one target.
pub(super) struct Target {
    name: &'static str,
    /// Per level: `message` and `fields`.
    plain: [OnceLock<&'static Callsite>; 5],
    sets: Mutex<HashMap<(Level, &'static [&'static str]), &'static Callsite>>,
}

static TARGETS: Mutex<Option<HashMap<&'static str, &'static Target>>> = Mutex::new(None);
static FIELD_SETS: AtomicUsize = AtomicUsize::new(0);

impl Target {
    /// The target of that name, leaked at its first use.
    pub(super) fn named(name: &str) -> &'static Self {
        let mut targets = lock(&TARGETS);
        let targets = targets.get_or_insert_default();
        if let Some(target) = targets.get(name) {
            return target;
        }
        let name = if targets.len() < MAX_TARGETS { name } else { "plugin" };
        let name: &'static str = Box::leak(name.into());
        targets.entry(name).or_insert_with(|| {
            Box::leak(Box::new(Self { name, plain: Default::default(), sets: Mutex::default() }))
        })
    }

    fn plain(&self, level: Level) -> &'static Callsite {
        let index = LEVELS.iter().position(|l| *l == level).unwrap_or_default();
        self.plain[index].get_or_init(|| Callsite::leak(self.name, level, &["message", "fields"]))
    }

    /// Whether any subscriber wants events of this level. Cheap when none does.
    pub(super) fn enabled(&self, level: Level) -> bool {
        let site = self.plain(level);
        site.metadata.get().is_some_and(|metadata| site.enabled(metadata))
    }

    /// Emits an event whose fields have these names.
    pub(super) fn emit(
        &self,
        level: Level,
        message: &str,
        names: &[&str],
        values: &[Box<dyn Value + '_>],
    ) -> bool {
        let Some(site) = self.with_fields(level, names) else { return false };
        let values = values.iter().map(|value| Some(&**value as &dyn Value));
        site.emit(std::iter::once(Some(&message as &dyn Value)).chain(values));
        true
    }

    /// Emits an event without fields of its own; `json` are its fields as one.
    pub(super) fn emit_plain(&self, level: Level, message: &str, json: Option<&str>) {
        let json = json.as_ref().map(|json| json as &dyn Value);
        self.plain(level).emit([Some(&message as &dyn Value), json].into_iter());
    }

    fn with_fields(&self, level: Level, names: &[&str]) -> Option<&'static Callsite> {
        let bytes: usize = names.iter().map(|name| name.len()).sum();
        if names.len() > MAX_FIELDS || bytes > MAX_NAME_BYTES {
            return None;
        }
        let mut sets = lock(&self.sets);
        if let Some(site) = find(&sets, level, names) {
            return Some(site);
        }
        if sets.len() >= MAX_FIELD_SETS || FIELD_SETS.fetch_add(1, Ordering::Relaxed) >= MAX_FIELD_SETS_IN_ALL
        {
            return None;
        }
        let own = names.iter().map(|name| &*Box::leak(Box::<str>::from(*name)));
        let own: &'static [&'static str] = Vec::leak(std::iter::once("message").chain(own).collect());
        let site = Callsite::leak(self.name, level, own);
        sets.insert((level, &own[1..]), site);
        Some(site)
    }
}

/// The look-up needs no owned key: a map of static names is also one of names that live shorter.
fn find<'a>(
    sets: &HashMap<(Level, &'a [&'a str]), &'static Callsite>,
    level: Level,
    names: &'a [&'a str],
) -> Option<&'static Callsite> {
    sets.get(&(level, names)).copied()
}

/// The maps are whole after every statement, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
