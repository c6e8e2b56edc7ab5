// Package text normalizes what people type: [Clean] and [CleanLines] for what is stored and shown, [Fold] for what is
// compared and searched.
//
// What is shown has no character that cannot be seen: nobody can write a name that looks like another one but differs
// in it, turn the text around it, or cover the lines above. Letters of different alphabets that look alike, such as
// Latin a and Cyrillic а, stay different (https://www.unicode.org/reports/tr39/ lists them).
//
// All functions accept any string, valid UTF-8 or not, return valid UTF-8, and change nothing when applied to their own
// result. They follow the Unicode version of Go and golang.org/x/text: https://www.unicode.org/reports/tr15/ for NFC
// and NFKC, https://www.unicode.org/Public/UCD/latest/ucd/CaseFolding.txt for full case folding, and
// https://www.unicode.org/reports/tr44/ for properties.
package text
