//! What a test's own process logs.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::sleep;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};

use crate::run::within;

/// One event.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its level.
    pub level: Level,
    /// Its target, such as `plugin.greeter`.
    pub target: String,
    /// The fields as text; the message is `message`.
    pub fields: BTreeMap<String, String>,
}

static EVENTS: Mutex<Vec<Logged>> = Mutex::new(Vec::new());

/// Waits for an event of this target whose message holds `text`, recorded since [`record_events`].
///
/// # Panics
///
/// When none comes within [`DEADLINE`](crate::DEADLINE).
pub async fn logged(target: &str, text: &str) -> Logged {
    record_events();
    let found = async {
        loop {
            if let Some(event) = find(target, text) {
                return event;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(&format!("an event of {target} with {text:?}"), found).await
}

/// Starts the recording of every event of this process, once.
///
/// # Panics
///
/// When something else records them already.
pub fn record_events() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let subscriber = tracing_subscriber::registry().with(Recorder);
        tracing::subscriber::set_global_default(subscriber)
            .unwrap_or_else(|e| panic!("another subscriber is installed: {e}"));
    });
}

fn find(target: &str, text: &str) -> Option<Logged> {
    let events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let matches = |e: &&Logged| {
        e.target == target && e.fields.get("message").is_some_and(|message| message.contains(text))
    };
    events.iter().find(matches).cloned()
}

struct Recorder;

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let logged =
            Logged { level: *metadata.level(), target: metadata.target().to_owned(), fields: fields.0 };
        EVENTS.lock().unwrap_or_else(PoisonError::into_inner).push(logged);
    }
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
