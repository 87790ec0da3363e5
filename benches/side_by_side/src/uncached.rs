//! A find that memory does not answer, though it knows the version, beside the SDK's bare call: the same request to the same
//! backend, in this process.

use std::hint::black_box;
use std::time::Duration;

use oauth_token_store::SecretsManagerTokenStore;
use oauth_token_store::embedded::EmbeddedSecretsManager;
use tokio::runtime::Runtime;

use crate::measure::{cpu_nanos, judged};
use crate::tokens::{token, users};

pub fn run(runtime: &Runtime) {
    let backend = EmbeddedSecretsManager::new();
    let client = backend.client();
    let user = &users(1)[0];
    let store = runtime.block_on(async {
        let builder = SecretsManagerTokenStore::builder().client(client.clone()).time_to_live(Duration::ZERO);
        let store = builder.build().await.unwrap();
        oauth_token_store::TokenStore::save_token(&store, &token(user)).await.unwrap();
        store
    });
    let id = oauth_token_store::TokenId::of_user(user).unwrap();
    let name = format!("oauth-tokens/{}", id.as_str());
    // The runtime has this thread alone, so its CPU time is all there is.
    let bare = |times| {
        runtime.block_on(async {
            for _ in 0..times {
                let answer = client.get_secret_value().secret_id(&name).send().await.unwrap();
                black_box(answer.secret_string().unwrap().len());
            }
        });
    };
    let in_a_task = |times| {
        runtime.block_on(async {
            for _ in 0..times {
                let call = client.get_secret_value().secret_id(&name).send();
                let answer = tokio::spawn(call).await.unwrap().unwrap();
                black_box(answer.secret_string().unwrap().len());
            }
        });
    };
    let find = |times| {
        runtime.block_on(async {
            for _ in 0..times {
                black_box(store.find_by_user(user).await.unwrap().unwrap());
            }
        });
    };
    // As a server does it, whose handlers are tasks: the load's task has nobody to wake but another one.
    let find_in_a_handler = |times| {
        let (store, user) = (store.clone(), user.clone());
        let handler = async move {
            for _ in 0..times {
                black_box(store.find_by_user(&user).await.unwrap().unwrap());
            }
        };
        runtime.block_on(runtime.spawn(handler)).unwrap();
    };
    let work: [&dyn Fn(usize); 4] = [&bare, &in_a_task, &find, &find_in_a_handler];
    let [bare, in_a_task, find, find_in_a_handler] = cpu_nanos(200, 200, work);
    println!("\n## A find past the cache\n");
    println!("| | CPU µs | of the bare call |\n|---|---|---|");
    println!("| GetSecretValue, SDK alone | {:.1} | 1.00x |", bare / 1000.0);
    println!("| the same in a task of its own | {:.1} | {:.2}x |", in_a_task / 1000.0, in_a_task / bare);
    for (name, nanos) in [
        ("find by user, its version in memory", find),
        ("the same in a handler that is a task", find_in_a_handler),
    ] {
        let verdict = judged(nanos / bare, 1.15, |reached, goal| reached <= goal);
        println!("| {name} | {:.1} | {verdict} |", nanos / 1000.0);
    }
}
