"""A foreign application: random transactions on the music database through Python's own sqlite3 module.

Usage: writer.py DATABASE LABEL SEED TRANSACTIONS PAUSE_MS
Prints the name of every artist whose insert was committed; those are never deleted again.
"""

import random
import sqlite3
import sys
import time

path, label, seed, transactions, pause_ms = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
chance = random.Random(seed)
db = sqlite3.connect(path, timeout=20, isolation_level=None)
db.execute("PRAGMA foreign_keys = ON")


def some(table, key):
    row = db.execute(f"SELECT {key} FROM {table} ORDER BY random() LIMIT 1").fetchone()
    return row[0] if row else None


def add_artist(number):
    name = f"{label}-{number}"
    artist = db.execute("INSERT INTO Artist (Name) VALUES (?)", (name,)).lastrowid
    album = db.execute("INSERT INTO Album (Title, ArtistId) VALUES (?, ?)", (f"Album of {name}", artist)).lastrowid
    for track in range(chance.randint(0, 4)):
        db.execute(
            "INSERT INTO Track (Name, AlbumId, MediaTypeId, Composer, Milliseconds, Bytes, UnitPrice) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (f"{name} no. {track}", album, some("MediaType", "MediaTypeId"), chance.choice([None, "Å", "日本"]), chance.randint(1, 9**9), 2**40 + track, 0.99),
        )
    return name


def change_tracks(number):
    for _ in range(chance.randint(1, 3)):
        column, value = chance.choice([("UnitPrice", chance.random()), ("Composer", f"{label} {number}"), ("Bytes", chance.randint(0, 2**50)), ("Milliseconds", 1)])
        db.execute(f"UPDATE Track SET {column} = ? WHERE TrackId = ?", (value, some("Track", "TrackId")))


def fill_playlist(number):
    playlist, track = some("Playlist", "PlaylistId"), some("Track", "TrackId")
    db.execute("INSERT OR IGNORE INTO PlaylistTrack VALUES (?, ?)", (playlist, track))
    db.execute("DELETE FROM PlaylistTrack WHERE rowid IN (SELECT rowid FROM PlaylistTrack ORDER BY random() LIMIT 1)")


def sell(number):
    invoice = db.execute(
        "INSERT INTO Invoice (CustomerId, InvoiceDate, BillingCity, Total) VALUES (?, '2026-01-01 00:00:00', ?, 1.98)",
        (some("Customer", "CustomerId"), label),
    ).lastrowid
    for _ in range(2):
        db.execute("INSERT INTO InvoiceLine (InvoiceId, TrackId, UnitPrice, Quantity) VALUES (?, ?, 0.99, 1)", (invoice, some("Track", "TrackId")))


def replace_genre(number):
    db.execute("INSERT OR REPLACE INTO Genre VALUES (?, ?)", (chance.randint(1, 40), f"{label} {number}"))


for number in range(transactions):
    work = chance.choice([add_artist, add_artist, change_tracks, change_tracks, fill_playlist, sell, replace_genre])
    while True:
        try:
            db.execute("BEGIN IMMEDIATE")
            name = work(number)
            db.execute("COMMIT")
            break
        except sqlite3.IntegrityError:
            db.execute("ROLLBACK")
            name = None
            break
    if name:
        print(name, flush=True)
    if pause_ms:
        time.sleep(pause_ms / 1000)
