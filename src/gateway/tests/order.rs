//! Places of audits.

use std::time::{Duration, Instant};

use super::world::site;
use crate::order::Order;

#[test]
fn what_is_complete_first_waits_for_what_was_asked_first() {
    let (order, mut done) = Order::new(9);
    let (shop, inn, now) = (site("shop"), site("inn"), Instant::now());
    let enter = |site| order.enter(site, now).unwrap();
    let (one, two, three, other) = (enter(&shop), enter(&shop), enter(&shop), enter(&inn));
    assert!(three.fill(3) && two.fill(2));
    assert!(done.try_recv().is_err());
    assert!(other.fill(9), "other sites do not wait");
    assert_eq!(done.try_recv().unwrap(), (inn, 9));
    assert!(one.fill(1));
    let shown: Vec<i32> = std::iter::from_fn(|| done.try_recv().ok()).map(|(_, number)| number).collect();
    assert_eq!(shown, [1, 2, 3]);
}

#[test]
fn a_place_that_is_given_up_holds_nobody_up() {
    let (order, mut done) = Order::new(9);
    let (shop, now) = (site("shop"), Instant::now());
    let (one, two) = (order.enter(&shop, now).unwrap(), order.enter(&shop, now).unwrap());
    assert!(two.fill(2));
    drop(one);
    assert_eq!(done.try_recv().unwrap().1, 2);
}

#[test]
fn a_place_holds_others_up_for_a_bounded_time_and_what_comes_later_is_nothing() {
    let (order, mut done) = Order::new(9);
    let (shop, now, minute) = (site("shop"), Instant::now(), Duration::from_secs(60));
    let slow = order.enter(&shop, now).unwrap();
    let quick = order.enter(&shop, now + minute / 2).unwrap();
    assert!(quick.fill(2));
    assert!(order.expire(now + minute - Duration::from_millis(1), minute).is_empty());
    assert_eq!(order.expire(now + minute, minute), std::slice::from_ref(&shop));
    assert_eq!(done.try_recv().unwrap().1, 2);
    assert!(!slow.fill(1), "its turn is over");
    assert!(done.try_recv().is_err());
    assert!(order.enter(&shop, now).unwrap().fill(3));
    assert_eq!(done.try_recv().unwrap().1, 3);
}

#[test]
fn only_so_many_places_wait() {
    let (order, _done) = Order::<()>::new(2);
    let (shop, now) = (site("shop"), Instant::now());
    let places = [order.enter(&shop, now), order.enter(&shop, now)];
    assert!(places.iter().all(Option::is_some) && order.enter(&shop, now).is_none());
    assert!(order.enter(&site("inn"), now).is_some());
    drop(places);
    assert!(order.enter(&shop, now).is_some());
}
