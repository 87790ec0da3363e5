//! The OAuth server that other tests rely on, itself tested.

#[path = "oauth_server/mod.rs"]
mod oauth_server;

use std::time::Duration;

use oauth_server::{
    API_DOMAIN, Answer, Application, CLIENT_ID, CLIENT_SECRET, ErrorStyle, ExchangeFault, OAuthServer, Rules,
};
use oauth_token_store::OAuthToken;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const MINUTE: Duration = Duration::from_secs(60);

async fn new(rules: Rules) -> (OAuthServer, Application) {
    let server = OAuthServer::start(rules).await;
    let application = server.application();
    (server, application)
}

fn json_of(body: &str) -> Value {
    serde_json::from_str(body).expect("JSON")
}

/// The member of a token response, which must be there.
fn member(body: &str, name: &str) -> String {
    json_of(body)[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned()
}

/// The body of an exchange that must give tokens.
async fn refreshed(application: &Application, refresh_token: &str) -> String {
    let answer = application.refresh(refresh_token).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(json_of(&answer.body).get("error").is_none(), "{}", answer.body);
    answer.body
}

/// Whose access token the API takes it for.
async fn user_of(application: &Application, access_token: &str) -> Option<String> {
    let answer = application.call_api(access_token).await.expect("an answer");
    match answer.status {
        200 => Some(member(&answer.body, "user")),
        status => {
            assert_eq!(status, 401);
            assert_eq!(member(&answer.body, "code"), "INVALID_TOKEN");
            None
        }
    }
}

fn error(status: u16, code: &str) -> Answer {
    Answer { status, body: json!({ "error": code }).to_string() }
}

#[tokio::test]
async fn a_login_gives_both_tokens_and_the_library_understands_it() {
    let (server, application) = new(Rules::zoho()).await;
    let body = server.login("bob");
    assert_eq!(json_of(&body)["expires_in"], 3600);
    let token = OAuthToken::from_token_response(&body).unwrap().user_name("bob").build().unwrap();
    assert!(token.access_token().is_some() && token.refresh_token().is_some());
    assert_eq!((token.api_domain(), token.token_type()), (Some(API_DOMAIN), Some("Bearer")));
    assert!(token.expires_within(61 * MINUTE) && !token.expires_within(59 * MINUTE));
    assert_eq!(user_of(&application, &member(&body, "access_token")).await.as_deref(), Some("bob"));
    assert_eq!(server.exchanges(), 0);
}

#[tokio::test]
async fn without_rotation_the_refresh_token_stays() {
    let (server, application) = new(Rules::zoho()).await;
    let login = server.login("bob");
    let refresh_token = member(&login, "refresh_token");
    for _ in 0..2 {
        let body = refreshed(&application, &refresh_token).await;
        assert!(json_of(&body).get("refresh_token").is_none());
        assert_eq!(user_of(&application, &member(&body, "access_token")).await.as_deref(), Some("bob"));
    }
    assert_eq!(user_of(&application, &member(&login, "access_token")).await.as_deref(), Some("bob"));
    assert_eq!((server.exchanges(), server.refused_exchanges()), (2, 0));
}

#[tokio::test]
async fn with_rotation_each_refresh_gives_the_next_refresh_token() {
    let (server, application) = new(Rules::rotating()).await;
    let mut refresh_token = member(&server.login("bob"), "refresh_token");
    for _ in 0..3 {
        let next = member(&refreshed(&application, &refresh_token).await, "refresh_token");
        assert_ne!(next, refresh_token);
        refresh_token = next;
    }
}

#[tokio::test]
async fn a_spent_refresh_token_that_comes_again_revokes_its_whole_family_and_no_other() {
    let (server, application) = new(Rules::rotating()).await;
    let (first, second, alice) = (server.login("bob"), server.login("bob"), server.login("alice"));
    let rotated = refreshed(&application, &member(&first, "refresh_token")).await;

    let replay = application.refresh(&member(&first, "refresh_token")).await.unwrap();
    assert_eq!(replay, error(200, "invalid_code"));
    let descendant = application.refresh(&member(&rotated, "refresh_token")).await.unwrap();
    assert_eq!(descendant, error(200, "invalid_code"));
    for dead in [&first, &rotated] {
        assert_eq!(user_of(&application, &member(dead, "access_token")).await, None);
    }

    for living in [&second, &alice] {
        refreshed(&application, &member(living, "refresh_token")).await;
        assert!(user_of(&application, &member(living, "access_token")).await.is_some());
    }
    assert_eq!((server.exchanges(), server.refused_exchanges()), (3, 2));
}

#[tokio::test]
async fn without_reuse_detection_a_spent_refresh_token_is_refused_and_its_family_lives_on() {
    let (server, application) = new(Rules { reuse_detection: false, ..Rules::rotating() }).await;
    let login = server.login("bob");
    let rotated = refreshed(&application, &member(&login, "refresh_token")).await;
    let replay = application.refresh(&member(&login, "refresh_token")).await.unwrap();
    assert_eq!(replay, error(200, "invalid_code"));
    assert!(user_of(&application, &member(&rotated, "access_token")).await.is_some());
    refreshed(&application, &member(&rotated, "refresh_token")).await;
    assert_eq!((server.exchanges(), server.refused_exchanges()), (2, 1));
}

#[tokio::test]
async fn of_many_who_race_with_one_refresh_token_one_wins_and_the_family_is_lost() {
    let (server, application) = new(Rules::rotating()).await;
    let refresh_token = member(&server.login("bob"), "refresh_token");
    let mut racing = JoinSet::new();
    for _ in 0..20 {
        let (application, refresh_token) = (application.clone(), refresh_token.clone());
        racing.spawn(async move { application.refresh(&refresh_token).await.expect("an answer").body });
    }
    let bodies = racing.join_all().await;
    let won: Vec<_> = bodies.iter().filter(|body| json_of(body).get("error").is_none()).collect();
    assert_eq!(won.len(), 1);
    let next = application.refresh(&member(won[0], "refresh_token")).await.unwrap();
    assert_eq!(next, error(200, "invalid_code"));
    assert_eq!((server.exchanges(), server.refused_exchanges()), (1, 20));
}

#[tokio::test]
async fn the_eleventh_refresh_of_a_family_in_ten_minutes_is_refused_and_spends_nothing() {
    for rules in [Rules::zoho(), Rules::rotating()] {
        let (server, application) = new(rules).await;
        let mut refresh_token = member(&server.login("bob"), "refresh_token");
        for _ in 0..10 {
            let body = refreshed(&application, &refresh_token).await;
            refresh_token = json_of(&body)["refresh_token"].as_str().map_or(refresh_token, str::to_owned);
            server.advance(MINUTE / 2);
        }
        let refused = application.refresh(&refresh_token).await.unwrap();
        assert_eq!((refused.status, member(&refused.body, "error").as_str()), (400, "Access Denied"));
        assert!(member(&refused.body, "error_description").contains("too many requests continuously"));
        refreshed(&application, &member(&server.login("bob"), "refresh_token")).await;

        // Ten minutes after the first of the ten.
        server.advance(5 * MINUTE - Duration::from_secs(1));
        assert_eq!(application.refresh(&refresh_token).await.unwrap().status, 400);
        server.advance(Duration::from_secs(1));
        refreshed(&application, &refresh_token).await;
        assert_eq!((server.exchanges(), server.refused_exchanges()), (12, 2));
    }
}

#[tokio::test]
async fn a_wrong_client_and_a_wrong_token_are_refused_with_status_200() {
    let (server, application) = new(Rules::zoho()).await;
    let refresh_token = member(&server.login("bob"), "refresh_token");
    let exchange = async |client_id, client_secret, grant_type, refresh_token| {
        let form = [
            ("client_id", client_id),
            ("client_secret", client_secret),
            ("grant_type", grant_type),
            ("refresh_token", refresh_token),
        ];
        application.exchange(&form).await.expect("an answer")
    };
    for (answer, code) in [
        (exchange("other", CLIENT_SECRET, "refresh_token", &refresh_token).await, "invalid_client"),
        (exchange(CLIENT_ID, "wrong", "refresh_token", &refresh_token).await, "invalid_client_secret"),
        (exchange(CLIENT_ID, CLIENT_SECRET, "refresh_token", "unknown").await, "invalid_code"),
        (exchange(CLIENT_ID, CLIENT_SECRET, "refresh_token", "").await, "invalid_code"),
    ] {
        assert_eq!(answer, error(200, code));
        let refused = OAuthToken::from_token_response(&answer.body).unwrap_err();
        assert_eq!(refused.oauth_error(), Some(code));
    }
    let password = exchange(CLIENT_ID, CLIENT_SECRET, "password", &refresh_token).await;
    assert_eq!(password, error(400, "unsupported_grant_type"));
    assert_eq!((server.exchanges(), server.refused_exchanges()), (0, 5));
    refreshed(&application, &refresh_token).await;
}

#[tokio::test]
async fn the_style_of_rfc_6749_has_its_statuses_and_codes() {
    let rules = Rules { errors: ErrorStyle::Rfc6749, refreshes_in_ten_minutes: 0, ..Rules::rotating() };
    let (server, application) = new(rules).await;
    assert_eq!(application.refresh("unknown").await.unwrap(), error(400, "invalid_grant"));
    assert_eq!(application.exchange(&[]).await.unwrap(), error(401, "invalid_client"));
    let wrong_secret = [("client_id", CLIENT_ID), ("client_secret", "wrong")];
    assert_eq!(application.exchange(&wrong_secret).await.unwrap(), error(401, "invalid_client"));
    let refresh_token = member(&server.login("bob"), "refresh_token");
    assert_eq!(application.refresh(&refresh_token).await.unwrap(), error(429, "too_many_requests"));
}

#[tokio::test]
async fn a_grant_token_is_good_once_and_for_three_minutes() {
    let (server, application) = new(Rules::zoho()).await;
    let code = server.authorize("o'brien@example.com");
    server.advance(3 * MINUTE - Duration::from_secs(1));
    let login = application.redeem(&code).await.unwrap();
    let user = user_of(&application, &member(&login.body, "access_token")).await;
    assert_eq!(user.as_deref(), Some("o'brien@example.com"));
    refreshed(&application, &member(&login.body, "refresh_token")).await;
    assert_eq!(application.redeem(&code).await.unwrap(), error(200, "invalid_code"));

    let late = server.authorize("bob");
    server.advance(3 * MINUTE);
    assert_eq!(application.redeem(&late).await.unwrap(), error(200, "invalid_code"));
}

#[tokio::test]
async fn an_access_token_dies_with_its_time() {
    let (server, application) = new(Rules { expires_in: 2 * MINUTE, ..Rules::zoho() }).await;
    let login = server.login("bob");
    assert_eq!(json_of(&login)["expires_in"], 120);
    server.set_expires_in(5 * MINUTE);
    let body = refreshed(&application, &member(&login, "refresh_token")).await;
    assert_eq!(json_of(&body)["expires_in"], 300);
    for (passed, first, second) in [(1, true, true), (1, false, true), (2, false, true), (1, false, false)] {
        server.advance(passed * MINUTE);
        assert_eq!(user_of(&application, &member(&login, "access_token")).await.is_some(), first);
        assert_eq!(user_of(&application, &member(&body, "access_token")).await.is_some(), second);
    }
}

#[tokio::test]
async fn of_too_many_access_tokens_of_a_family_the_oldest_dies() {
    let (server, application) = new(Rules { active_access_tokens: 2, ..Rules::zoho() }).await;
    let (login, alice) = (server.login("bob"), server.login("alice"));
    let second = refreshed(&application, &member(&login, "refresh_token")).await;
    assert!(user_of(&application, &member(&login, "access_token")).await.is_some());
    let third = refreshed(&application, &member(&login, "refresh_token")).await;
    assert_eq!(user_of(&application, &member(&login, "access_token")).await, None);
    for living in [second, third, alice] {
        assert!(user_of(&application, &member(&living, "access_token")).await.is_some());
    }
}

#[tokio::test]
async fn the_api_takes_both_schemes_and_nothing_but_good_access_tokens() {
    let (server, application) = new(Rules::zoho()).await;
    let login = server.login("bob");
    let access_token = member(&login, "access_token");
    for (scheme, status) in
        [("Bearer", 200), ("bearer", 200), ("Zoho-oauthtoken", 200), ("Basic", 401), ("", 401)]
    {
        let answer = application.call_api_as(scheme, &access_token).await.unwrap();
        assert_eq!(answer.status, status, "{scheme}");
    }
    for token in ["", "unknown", &member(&login, "refresh_token")] {
        assert_eq!(user_of(&application, token).await, None);
    }
}

#[tokio::test]
async fn revoked_access_tokens_are_dead_and_the_refresh_token_gives_new_ones() {
    let (server, application) = new(Rules::zoho()).await;
    let (login, alice) = (server.login("bob"), server.login("alice"));
    server.revoke_access_tokens("bob");
    assert_eq!(user_of(&application, &member(&login, "access_token")).await, None);
    assert!(user_of(&application, &member(&alice, "access_token")).await.is_some());
    let body = refreshed(&application, &member(&login, "refresh_token")).await;
    assert!(user_of(&application, &member(&body, "access_token")).await.is_some());

    server.revoke_logins("bob");
    assert_eq!(user_of(&application, &member(&body, "access_token")).await, None);
    let refused = application.refresh(&member(&login, "refresh_token")).await.unwrap();
    assert_eq!(refused, error(200, "invalid_code"));
    refreshed(&application, &member(&alice, "refresh_token")).await;
}

#[tokio::test]
async fn a_server_error_spends_nothing() {
    let (server, application) = new(Rules::rotating()).await;
    let refresh_token = member(&server.login("bob"), "refresh_token");
    server.inject(ExchangeFault::ServerError);
    let answer = application.refresh(&refresh_token).await.unwrap();
    assert_eq!(answer.status, 500);
    assert!(OAuthToken::from_token_response(&answer.body).is_err());
    assert_eq!((server.exchanges(), server.refused_exchanges(), server.failed_exchanges()), (0, 0, 1));
    refreshed(&application, &refresh_token).await;
}

#[tokio::test]
async fn a_lost_answer_is_no_answer_and_the_token_is_spent() {
    let (server, application) = new(Rules::rotating()).await;
    let refresh_token = member(&server.login("bob"), "refresh_token");
    // On a connection that was used before: a client that sends again what it sent on such a one would be noticed.
    application.call_api("unknown").await.unwrap();
    server.inject(ExchangeFault::LostAnswer);
    let lost = application.refresh(&refresh_token).await.unwrap_err();
    assert!(lost.is_request() && lost.status().is_none(), "{lost:?}");
    assert_eq!((server.exchanges(), server.failed_exchanges()), (1, 0));
    assert_eq!(application.refresh(&refresh_token).await.unwrap(), error(200, "invalid_code"));
}

#[tokio::test]
async fn faults_are_for_one_exchange_each_and_the_api_has_none() {
    let (server, application) = new(Rules::zoho()).await;
    let login = server.login("bob");
    let refresh_token = member(&login, "refresh_token");
    server.inject(ExchangeFault::ServerError);
    server.inject(ExchangeFault::LostAnswer);
    assert!(user_of(&application, &member(&login, "access_token")).await.is_some());
    assert_eq!(application.refresh(&refresh_token).await.unwrap().status, 500);
    assert!(application.refresh(&refresh_token).await.is_err());
    refreshed(&application, &refresh_token).await;
}

/// Starts a refresh in a task of its own.
fn spawn_refresh(application: &Application, refresh_token: &str) -> tokio::task::JoinHandle<Answer> {
    let (application, refresh_token) = (application.clone(), refresh_token.to_owned());
    tokio::spawn(async move { application.refresh(&refresh_token).await.expect("an answer") })
}

#[tokio::test]
async fn held_exchanges_are_carried_out_one_by_one_when_they_are_let_go() {
    let (server, application) = new(Rules::rotating()).await;
    let (bob, alice) = (server.login("bob"), server.login("alice"));
    let hold = server.hold();
    assert!(!hold.release_one());
    let first = spawn_refresh(&application, &member(&bob, "refresh_token"));
    hold.arrived(1).await;
    let second = spawn_refresh(&application, &member(&alice, "refresh_token"));
    hold.arrived(2).await;
    assert_eq!((hold.held(), server.exchanges()), (2, 0));
    // The API is not held.
    assert!(user_of(&application, &member(&bob, "access_token")).await.is_some());

    assert!(hold.release_one());
    let body = first.await.unwrap().body;
    assert_eq!(user_of(&application, &member(&body, "access_token")).await.as_deref(), Some("bob"));
    assert_eq!((hold.held(), server.exchanges()), (1, 1));
    drop(hold);
    let body = second.await.unwrap().body;
    assert_eq!(user_of(&application, &member(&body, "access_token")).await.as_deref(), Some("alice"));
    refreshed(&application, &member(&body, "refresh_token")).await;
}

#[tokio::test]
async fn held_answers_are_of_exchanges_that_are_carried_out() {
    let (server, application) = new(Rules::rotating()).await;
    let refresh_token = member(&server.login("bob"), "refresh_token");
    let hold = server.hold_answers();
    let first = spawn_refresh(&application, &refresh_token);
    hold.arrived(1).await;
    assert_eq!(server.exchanges(), 1);
    hold.open();
    let body = first.await.unwrap().body;
    refreshed(&application, &member(&body, "refresh_token")).await;
}

#[tokio::test]
async fn an_exchange_whose_caller_gave_up_is_held_no_more_and_never_carried_out() {
    let (server, application) = new(Rules::rotating()).await;
    let (bob, alice) = (server.login("bob"), server.login("alice"));
    let hold = server.hold();
    let given_up = spawn_refresh(&application, &member(&bob, "refresh_token"));
    hold.arrived(1).await;
    let waits = spawn_refresh(&application, &member(&alice, "refresh_token"));
    hold.arrived(2).await;
    given_up.abort();
    while hold.held() > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(hold.release_one());
    let body = waits.await.unwrap().body;
    assert_eq!(user_of(&application, &member(&body, "access_token")).await.as_deref(), Some("alice"));
    assert!(!hold.release_one());
    assert_eq!(server.exchanges(), 1);
}

#[tokio::test]
async fn two_servers_know_nothing_of_each_other() {
    let (server, _) = new(Rules::zoho()).await;
    let (other, application_of_other) = new(Rules::zoho()).await;
    let refresh_token = member(&server.login("bob"), "refresh_token");
    let refused = application_of_other.refresh(&refresh_token).await.unwrap();
    assert_eq!(refused, error(200, "invalid_code"));
    assert_eq!((server.refused_exchanges(), other.refused_exchanges()), (0, 1));
}
