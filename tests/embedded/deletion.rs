//! Deletions without recovery that linger, as they do on AWS for some seconds.

use std::time::Duration;

use crate::*;

#[tokio::test(start_paused = true)]
async fn a_lingering_deletion_keeps_the_name_for_a_while() {
    let (backend, client) = setup();
    backend.set_deletion_linger(Duration::from_secs(5));
    create(&client, "a", "v").await;
    force_delete(&client, "a").await;
    assert_eq!(value_or_code(&client, "a").await, INVALID_REQUEST);
    let create_again = client.create_secret().name("a").secret_string("w").send().await;
    assert_eq!(
        message(create_again),
        "You can't create this secret because a secret with this name is already scheduled for deletion."
    );
    let put = client.put_secret_value().secret_id("a").secret_string("w").send().await;
    assert_eq!(code(put), INVALID_REQUEST);
    let described = client.describe_secret().secret_id("a").send().await.unwrap();
    assert!(described.deleted_date().is_some());
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(value_or_code(&client, "a").await, NOT_FOUND);
    create(&client, "a", "w").await;
}

#[tokio::test(start_paused = true)]
async fn a_lingering_deletion_can_be_forced_again_but_not_restored() {
    let (backend, client) = setup();
    backend.set_deletion_linger(Duration::from_secs(5));
    create(&client, "a", "v").await;
    schedule_deletion(&client, "a").await;
    force_delete(&client, "a").await;
    assert_eq!(code(client.restore_secret().secret_id("a").send().await), INVALID_REQUEST);
    tokio::time::advance(Duration::from_secs(3)).await;
    force_delete(&client, "a").await;
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(backend.secret_count(), 0, "the second deletion doesn't start anew");
}
