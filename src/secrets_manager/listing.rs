//! All records under the prefix: pages of names, read in batches, at half of the quotas.

use std::collections::HashSet;
use std::sync::Arc;

use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::cache::Demand;
use crate::contract::{Locator, OAuthToken, StoreError};

use super::pace::Patience;
use super::service::BatchItem;
use super::storage::{Storage, locator_of, read_in_a_task};

/// How many secrets [BatchGetSecretValue] takes.
///
/// [BatchGetSecretValue]: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
const BATCH: usize = 20;

/// How many batches are under way at once; their pace is another matter.
const BATCHES_AT_ONCE: usize = 8;

type Item = Result<Arc<OAuthToken>, StoreError>;

/// Every token under the prefix, each once, in no order; one that cannot be read is an error of its own.
pub(super) fn tokens(storage: Arc<Storage>) -> BoxStream<'static, Item> {
    let patience = Arc::new(Patience::default());
    locators(Arc::clone(&storage))
        .chunks(BATCH)
        .map(move |listed| {
            let (storage, patience) = (Arc::clone(&storage), Arc::clone(&patience));
            async move {
                let batch = async move { Ok(storage.read_batch(listed, &patience).await) };
                stream::iter(read_in_a_task(batch).await.unwrap_or_else(|error| vec![Err(error)]))
            }
        })
        .buffer_unordered(BATCHES_AT_ONCE)
        .flatten()
        .boxed()
}

/// The locators of what ListSecrets shows and of what this process wrote lately, each once. Ends after an error.
pub(super) fn locators(storage: Arc<Storage>) -> impl Stream<Item = Result<Locator, StoreError>> + Send {
    let listing = Listing { storage, seen: HashSet::new(), next: Next::Page(None) };
    let pages = stream::try_unfold(listing, |mut listing| async move {
        let locators = listing.advance().await?;
        let step = locators.map(|locators| (stream::iter(locators.into_iter().map(Ok)), listing));
        Ok::<_, StoreError>(step)
    });
    pages.try_flatten()
}

struct Listing {
    storage: Arc<Storage>,
    seen: HashSet<Locator>,
    next: Next,
}

enum Next {
    Page(Option<String>),
    RecentWrites,
    Nothing,
}

impl Listing {
    async fn advance(&mut self) -> Result<Option<Vec<Locator>>, StoreError> {
        let storage = &self.storage;
        let mut locators = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Page(token) => {
                let lister = Arc::clone(storage);
                let page = read_in_a_task(async move {
                    let list = || async {
                        let page =
                            lister.service.list(&lister.prefix.name_filter(), None, token.clone()).await;
                        page.map_err(|error| error.into_store_error(None))
                    };
                    lister.paces.list.run(list).await
                });
                let page = page.await?;
                self.next = match page.next {
                    Some(token) => Next::Page(Some(token)),
                    None => Next::RecentWrites,
                };
                page.secrets.iter().filter_map(|listed| storage.prefix.locator_in(&listed.name)).collect()
            }
            Next::RecentWrites => storage.recent_writes.all(),
            Next::Nothing => return Ok(None),
        };
        locators.retain(|locator| self.seen.insert(*locator));
        Ok(Some(locators))
    }
}

impl Storage {
    /// Reads up to 20 records with one request.
    async fn read_batch(
        self: &Arc<Self>,
        listed: Vec<Result<Locator, StoreError>>,
        patience: &Patience,
    ) -> Vec<Item> {
        let (names, errors): (Vec<_>, Vec<_>) = listed.into_iter().partition(Result::is_ok);
        let names: Vec<String> =
            names.into_iter().flatten().map(|name| self.prefix.secret_name(&name)).collect();
        let mut items: Vec<Item> = errors.into_iter().filter_map(Result::err).map(Err).collect();
        if names.is_empty() {
            return items;
        }
        let batch = self.paces.batch_get.run(|| async {
            self.service.get_batch(&names).await.map_err(|error| error.into_store_error(None))
        });
        match patience.unless_exhausted(batch).await {
            Ok(batch) => {
                for item in batch {
                    items.extend(self.read_item(item).await);
                }
            }
            Err(error) => items.push(Err(error)),
        }
        items
    }

    async fn read_item(self: &Arc<Self>, item: BatchItem) -> Option<Item> {
        let record = match item {
            BatchItem::Value(answer) => {
                self.cache.note_service_time(answer.version.created);
                answer.into_record(&self.prefix)
            }
            // A replica that lags behind a save of this process, or a refusal for something else than a deletion.
            BatchItem::Failed { secret_id, error }
                if error.is_invalid_request()
                    || error.is_not_found() && self.has_written_lately(&secret_id) =>
            {
                self.read_secret(&secret_id, &secret_id).await.transpose()
            }
            // Deleted since it was listed.
            BatchItem::Failed { error, .. } if error.is_not_found() => None,
            BatchItem::Failed { secret_id, error } => Some(Err(error.into_store_error(Some(&secret_id)))),
        };
        let record = match record? {
            Ok(record) => record,
            Err(error) => return Some(Err(error)),
        };
        // A list fills no cache, but it shows nothing older than what has been seen either.
        let locator = locator_of(&record.token)?;
        let record = match self.cache.not_older(&locator, record) {
            Some(newest) => Ok(newest),
            // A find would ask.
            None => self.read_cached(locator, Demand::Cached).await,
        };
        record.transpose().map(|record| record.map(|record| record.token))
    }

    fn has_written_lately(&self, secret_name: &str) -> bool {
        self.prefix.locator_in(secret_name).is_some_and(|locator| self.recent_writes.contains(&locator))
    }
}
