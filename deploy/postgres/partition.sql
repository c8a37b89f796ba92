-- Turns `records` into a partitioned table: 16 partitions for each repository that is a whale, and 64 for all the rest.
-- For catalogues beyond about 100 million records, where vacuum or an index of one table takes too long.
--
--   psql --single-transaction --set=ON_ERROR_STOP=1 --set=whales=3,17 --file=partition.sql "$(harvester db url)"
--
-- `whales` are numbers from `SELECT id, name FROM repositories`; `whales=` for none. Stop every harvester first: the table is
-- copied, and locked until the end; it takes its size once more on disk. It all happens or nothing does. The unique key holds
-- as before, for it begins with item_key and names the repository: that is why the code needs to know nothing of this.
-- What the table was granted to others is to be granted again.
--
-- `history` stays as it is: it grows by what changes, and its key begins with item_key as well.

CREATE FUNCTION pg_temp.hashed(parent text, parts integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR part IN 0 .. parts - 1 LOOP
        -- A parent has no storage parameters; as in the plain table, rows stay in one piece.
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s) WITH (toast_tuple_target = 8160)',
            format('%s_%s', parent, to_char(part, 'FM00')), parent, parts, part);
    END LOOP;
END $$;

CREATE FUNCTION pg_temp.partitioned(name text, whales integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    plain text := name || '_plain';
    indexes text[];
    key text;
    keys text;
    each record;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = to_regclass(name)) IS DISTINCT FROM 'r' THEN
        RAISE EXCEPTION '% is not a plain table (any more)', name;
    END IF;
    SELECT conname, pg_get_constraintdef(oid) INTO STRICT key, keys
        FROM pg_constraint WHERE conrelid = to_regclass(name) AND contype = 'p';
    SELECT array_agg(pg_get_indexdef(indexrelid)) INTO indexes
        FROM pg_index WHERE indrelid = to_regclass(name) AND NOT indisprimary;

    EXECUTE format('ALTER TABLE %I RENAME TO %I', name, plain);
    FOR each IN SELECT indexrelid::regclass::text AS index FROM pg_index WHERE indrelid = to_regclass(plain) LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', each.index, each.index || '_plain');
    END LOOP;

    EXECUTE format(
        'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMMENTS INCLUDING CONSTRAINTS)'
        ' PARTITION BY LIST (repository_id)', name, plain);
    FOR whale IN 1 .. coalesce(array_length(whales, 1), 0) LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%s) PARTITION BY HASH (item_key)',
            format('%s_of_%s', name, whales[whale]), name, whales[whale]);
        PERFORM pg_temp.hashed(format('%s_of_%s', name, whales[whale]), 16);
    END LOOP;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT PARTITION BY HASH (item_key)', name || '_rest', name);
    PERFORM pg_temp.hashed(name || '_rest', 64);

    EXECUTE format('INSERT INTO %I SELECT * FROM %I', name, plain);
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', name, key, keys);
    FOR each IN SELECT unnest(indexes) AS definition LOOP
        EXECUTE each.definition;
    END LOOP;
    EXECUTE format('DROP TABLE %I', plain);
    EXECUTE format('ANALYZE %I', name);
END $$;

SET LOCAL statement_timeout = 0;
SET LOCAL maintenance_work_mem = '1GB';
SELECT pg_temp.partitioned('records', ('{' || :'whales' || '}')::integer[]);
