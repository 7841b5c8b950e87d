//! The searches of one refresh: what several panels ask is asked once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::server::http::uri::encode;
use crate::server::kibana::Kibana;

type Answer = Arc<OnceCell<Result<Arc<Value>, String>>>;

pub(super) struct Searches {
    kibana: Arc<Kibana>,
    /// By index and body.
    answers: Mutex<HashMap<(String, String), Answer>>,
    /// Requests and answers are wanted beside the figures.
    inspects: bool,
}

impl Searches {
    pub(super) fn new(kibana: Arc<Kibana>, inspects: bool) -> Self {
        Self { kibana, answers: Mutex::new(HashMap::new()), inspects }
    }

    /// The answer to a search; `seen` takes `{"index","request","response"}` where that is wanted.
    pub(super) async fn ask(&self, index: &str, request: &Value, seen: &mut Vec<Value>) -> Result<Arc<Value>, String> {
        let cell = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry((index.to_owned(), request.to_string())).or_default())
        };
        let path = format!("/{}/_search?ignore_unavailable=true", encode(index));
        let answer = cell.get_or_init(|| async {
            let (_, answer) = self.kibana.search.post(&path, request).await.map_err(|error| error.to_string())?;
            Ok(Arc::new(answer))
        });
        let answer = answer.await.clone()?;
        if self.inspects {
            seen.push(json!({"index": index, "request": request, "response": &*answer}));
        }
        Ok(answer)
    }
}
