-- Group roles of the whole server, made once, by whoever migrates first. They cannot
-- log in: a login is given one of them, or takes it with SET ROLE.
--
--   paymint_owner      owns every table and function; migrations only
--   paymint_app        appends through append_batch, reads
--   paymint_projector  reads the log, writes read models
--   paymint_auditor    reads
--
-- A user without CREATEROLE finds them made by an administrator beforehand:
--   CREATE ROLE … ; GRANT paymint_owner, paymint_app, paymint_projector, paymint_auditor TO <user>;
DO $$
DECLARE
    wanted text;
    -- Since PostgreSQL 16 who makes a role is a member that may hand it on, and not one that
    -- may become it: that is a right of its own, unknown to older servers.
    needed text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    PERFORM pg_advisory_xact_lock(1885438309, -2);
    FOREACH wanted IN ARRAY ARRAY['paymint_owner', 'paymint_app', 'paymint_projector', 'paymint_auditor'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- somebody migrates another database at this moment
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'user % may not create role %', current_user, wanted
                    USING HINT = format('Let an administrator run: CREATE ROLE %I NOLOGIN; GRANT %I TO %I;', wanted, wanted, current_user);
        END;
        IF NOT pg_has_role(current_user, wanted, needed) THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', wanted, current_user);
            EXCEPTION
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'user % is not a member of role %', current_user, wanted
                        USING HINT = format('Let an administrator run: GRANT %I TO %I;', wanted, current_user);
            END;
        END IF;
    END LOOP;
    EXECUTE 'GRANT CREATE, USAGE ON SCHEMA public TO paymint_owner';
    EXECUTE 'GRANT USAGE ON SCHEMA public TO paymint_app, paymint_projector, paymint_auditor';
END
$$;
