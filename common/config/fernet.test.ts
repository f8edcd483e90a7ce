/** Tokens of others: the vectors of the Fernet specification, and one that Python's `cryptography` 48.0.0 made. */
import { expect, test } from "vitest";
import { decrypt, encrypt, fernetKeyOf } from "./fernet.ts";

const KEY = keyOf("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
const HELLO = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

const PYTHON = {
  key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
  text: '{"DBs": {"live": {"HOST": "db.example.org", "USER": "kkobot", "PASS": "비밀 p@ss/w:rd", "NAME": "kkobot_prod", "PORT": 3336}, "test": {"HOST": "127.0.0.1", "USER": "kkobot", "PASS": "시험", "PORT": 3336}}}',
  token:
    "gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD2W3t60y1QaCwpPzRhjdF0u1jbtAmG62fUkT5eLzpX5rUtyIBYG0ueLko_dHPsPYimQ-xHPFhShnI5dbPZA-VHNDNxRv_SP4gAkIdZ8XEl5KCUrKSyP2-UzYoPY7A6nwxfO7Zycr2sWnO6ac6r3FXV2G0S7OosSLkH-aSimBaP354bftmQUme8dArFqG7tx-WQpl7kBeR8ev25JWZhuaqSASVa1W7irqbpsIQFLVLnUHI_yVC72wLD078ypJRqWcyMTjY3qQrAkFWqtRuPjH5QvweX1ZCwt0aNVA22RLFzTPbOWXjT1tJUhsgvKtc4L4f1gXdFwSqMW_yabcUBriF_I=",
};

function keyOf(text: string): Buffer {
  return fernetKeyOf(text) ?? expect.fail("no key");
}

test("the specification's vector is made and read", () => {
  const from = {
    iv: Buffer.from(Array.from({ length: 16 }, (_, i) => i)),
    atMs: Date.parse("1985-10-26T01:20:00-07:00"),
  };
  expect(encrypt("hello", KEY, from)).toBe(HELLO);
  expect(decrypt(HELLO, KEY)).toBe("hello");
});

test("D-27 a token that Python made is read, and made the same to the byte", () => {
  expect(decrypt(`${PYTHON.token}\n`, keyOf(`${PYTHON.key}\n`))).toBe(PYTHON.text);
  const from = { iv: Buffer.from(Array.from({ length: 16 }, (_, i) => i)), atMs: 1_700_000_000_000 };
  expect(encrypt(PYTHON.text, keyOf(PYTHON.key), from)).toBe(PYTHON.token);
});

test.each([
  [
    "a wrong mac",
    "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
  ],
  ["too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=="],
  ["no base64", "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q=="],
  [
    "no whole blocks",
    "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
  ],
  [
    "wrong padding",
    "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
  ],
  [
    "a wrong iv",
    "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
  ],
  ["empty", ""],
])("a token with %s is refused", (_, token) => {
  expect(decrypt(token, KEY)).toBeUndefined();
});

test("another key reads nothing, and what is no key is told", () => {
  expect(decrypt(HELLO, keyOf(PYTHON.key))).toBeUndefined();
  for (const text of ["", "hunter2", `${PYTHON.key}AAAA`.replace("=", "")])
    expect(fernetKeyOf(text), text).toBeUndefined();
});
