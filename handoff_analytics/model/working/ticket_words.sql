-- Which words does a ticket use? Short ones say little, and ids are no words.
SELECT DISTINCT
    ticket_uid,
    unnest(regexp_extract_all(
        lower(concat_ws(' ', title, category, subcategory, left(description, 500))), '[[:alpha:]]{3,}'
    )) AS word
FROM tickets
