//! A librdkafka client that is dropped on a thread of its own.
//!
//! The drop waits for the client's threads, a tenth of a second and more: neither an async thread nor the end of the
//! program is to wait for it.

use std::ops::Deref;

/// Drops what it holds elsewhere.
#[derive(Debug)]
pub struct Detached<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Detached<T> {
    pub fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Send + 'static> Deref for Detached<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is taken out only by the drop")
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        // Where no thread can be started, the closure is dropped with it: here and now.
        if let Err(error) = std::thread::Builder::new().name("close".into()).spawn(move || drop(value)) {
            tracing::debug!("a client was closed in place: {error}");
        }
    }
}
