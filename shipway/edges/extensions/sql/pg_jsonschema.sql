--! default_version = '0.3.3'
--! versions = '0.1.0 0.1.1 0.1.2 0.1.3 0.1.4 0.2.0 0.3.0 0.3.1 0.3.2'
-- The keywords that schemas of columns use; a schema with another one is refused, not guessed at.

create function @extschema@.jsonschema_faults(
    schema jsonb, instance jsonb, place text default '', root jsonb default null) returns text[]
    language plpgsql immutable
    as $$
declare
    faults text[] := '{}';
    keyword text;
    wanted jsonb;
    kind constant text := jsonb_typeof(instance);
    n constant numeric := case when kind = 'number' then instance::text::numeric end;
    s constant text := case when kind = 'string' then instance #>> '{}' end;
    part record;
begin
    root := coalesce(root, schema);
    if schema = 'true' then
        return faults;
    elsif schema = 'false' then
        return array[format('%s is allowed by no schema', instance)];
    end if;
    for keyword, wanted in select * from jsonb_each(schema) loop
        if (case keyword
            when 'type' then not exists (
                select from jsonb_array_elements_text(
                    case jsonb_typeof(wanted) when 'array' then wanted
                        else jsonb_build_array(wanted) end) as name
                where name = kind or name = 'integer' and n % 1 = 0)
            when 'enum' then not exists (
                select from jsonb_array_elements(wanted) as one where one = instance)
            when 'const' then instance <> wanted
            when 'multipleOf' then n % wanted::text::numeric <> 0
            when 'maximum' then n > wanted::text::numeric
            when 'exclusiveMaximum' then n >= wanted::text::numeric
            when 'minimum' then n < wanted::text::numeric
            when 'exclusiveMinimum' then n <= wanted::text::numeric
            when 'maxLength' then length(s) > wanted::text::numeric
            when 'minLength' then length(s) < wanted::text::numeric
            when 'pattern' then s !~ (wanted #>> '{}')
            when 'maxItems' then kind = 'array'
                and jsonb_array_length(instance) > wanted::text::numeric
            when 'minItems' then kind = 'array'
                and jsonb_array_length(instance) < wanted::text::numeric
            when 'uniqueItems' then wanted = 'true' and kind = 'array' and (
                select count(*) > count(distinct one) from jsonb_array_elements(instance) as one)
            when 'contains' then kind = 'array' and not exists (
                select from jsonb_array_elements(instance) as one
                where @extschema@.jsonschema_faults(wanted, one, place, root) = '{}')
            when 'maxProperties' then kind = 'object'
                and (select count(*) from jsonb_object_keys(instance)) > wanted::text::numeric
            when 'minProperties' then kind = 'object'
                and (select count(*) from jsonb_object_keys(instance)) < wanted::text::numeric
            when 'required' then kind = 'object'
                and not instance ?& array(select jsonb_array_elements_text(wanted))
            when 'dependentRequired' then kind = 'object' and exists (
                select from jsonb_each(wanted) as each
                where instance ? each.key
                    and not instance ?& array(select jsonb_array_elements_text(each.value)))
            when 'not' then @extschema@.jsonschema_faults(wanted, instance, place, root) = '{}'
            when 'anyOf' then not exists (
                select from jsonb_array_elements(wanted) as one
                where @extschema@.jsonschema_faults(one, instance, place, root) = '{}')
            when 'oneOf' then 1 <> (
                select count(*) from jsonb_array_elements(wanted) as one
                where @extschema@.jsonschema_faults(one, instance, place, root) = '{}')
            else false
        end) then
            faults := faults || format('%s at "%s" does not hold to %s %s',
                instance, place, keyword, wanted);
        end if;

        -- What holds for parts of the instance, or by way of another schema.
        if keyword = 'properties' and kind = 'object' then
            for part in select * from jsonb_each(wanted) where instance ? key loop
                faults := faults || @extschema@.jsonschema_faults(
                    part.value, instance -> part.key, place || '/' || part.key, root);
            end loop;
        elsif keyword = 'patternProperties' and kind = 'object' then
            for part in
                select i.key, i.value, p.value as schema
                from jsonb_each(instance) as i, jsonb_each(wanted) as p where i.key ~ p.key
            loop
                faults := faults || @extschema@.jsonschema_faults(
                    part.schema, part.value, place || '/' || part.key, root);
            end loop;
        elsif keyword = 'additionalProperties' and kind = 'object' then
            for part in
                select i.key, i.value from jsonb_each(instance) as i
                where not coalesce(schema -> 'properties', '{}') ? i.key and not exists (
                    select from jsonb_object_keys(coalesce(schema -> 'patternProperties', '{}'))
                        as pattern where i.key ~ pattern)
            loop
                faults := faults || @extschema@.jsonschema_faults(
                    wanted, part.value, place || '/' || part.key, root);
            end loop;
        elsif keyword = 'propertyNames' and kind = 'object' then
            for part in select key from jsonb_object_keys(instance) as key loop
                faults := faults || @extschema@.jsonschema_faults(
                    wanted, to_jsonb(part.key), place, root);
            end loop;
        elsif keyword in ('items', 'prefixItems') and kind = 'array' then
            for part in
                select at, one from jsonb_array_elements(instance) with ordinality as e (one, at)
            loop
                if jsonb_typeof(wanted) = 'array' then
                    faults := faults || @extschema@.jsonschema_faults(
                        coalesce(wanted -> (part.at - 1)::int, 'true'), part.one,
                        place || '/' || part.at - 1, root);
                elsif part.at > coalesce(jsonb_array_length(schema -> 'prefixItems'), 0) then
                    faults := faults || @extschema@.jsonschema_faults(
                        wanted, part.one, place || '/' || part.at - 1, root);
                end if;
            end loop;
        elsif keyword = 'allOf' then
            for part in select one from jsonb_array_elements(wanted) as one loop
                faults := faults || @extschema@.jsonschema_faults(part.one, instance, place, root);
            end loop;
        elsif keyword = 'if' then
            faults := faults || @extschema@.jsonschema_faults(
                coalesce(
                    schema -> case
                        when @extschema@.jsonschema_faults(wanted, instance, place, root) = '{}'
                        then 'then' else 'else' end,
                    'true'),
                instance, place, root);
        elsif keyword = '$ref' then
            if wanted #>> '{}' !~ '^#' then
                raise exception 'the schema % lies outside', wanted
                    using errcode = 'feature_not_supported';
            end if;
            faults := faults || @extschema@.jsonschema_faults(
                coalesce(
                    root #> string_to_array(ltrim(wanted #>> '{}', '#/'), '/'),
                    case when wanted #>> '{}' in ('#', '#/') then root else 'false' end),
                instance, place, root);
        elsif keyword in (
            'unevaluatedProperties', 'unevaluatedItems', 'dependentSchemas', 'dependencies',
            'additionalItems', 'minContains', 'maxContains', '$dynamicRef', '$recursiveRef')
        then
            raise exception 'the keyword "%" is not checked by this stand-in for pg_jsonschema',
                keyword using errcode = 'feature_not_supported';
        end if;
    end loop;
    return faults;
end
$$;

create function @extschema@.json_matches_schema(schema json, instance json) returns boolean
    language sql immutable strict
    return @extschema@.jsonschema_faults(schema::jsonb, instance::jsonb) = '{}';
create function @extschema@.jsonb_matches_schema(schema json, instance jsonb) returns boolean
    language sql immutable strict
    return @extschema@.jsonschema_faults(schema::jsonb, instance) = '{}';
create function @extschema@.jsonschema_validation_errors(schema json, instance json) returns text[]
    language sql immutable strict
    return @extschema@.jsonschema_faults(schema::jsonb, instance::jsonb);
-- A schema is valid by the schema of schemas, which is this much of it.
create function @extschema@.jsonschema_is_valid(schema json) returns boolean
    language sql immutable strict
    return @extschema@.jsonschema_faults('{
        "type": ["object", "boolean"],
        "properties": {
            "type": {"anyOf": [
                {"$ref": "#/$defs/kind"},
                {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"$ref": "#/$defs/kind"}}]},
            "enum": {"type": "array"},
            "multipleOf": {"type": "number", "exclusiveMinimum": 0},
            "maximum": {"type": "number"}, "minimum": {"type": "number"},
            "exclusiveMaximum": {"type": "number"}, "exclusiveMinimum": {"type": "number"},
            "maxLength": {"$ref": "#/$defs/count"}, "minLength": {"$ref": "#/$defs/count"},
            "maxItems": {"$ref": "#/$defs/count"}, "minItems": {"$ref": "#/$defs/count"},
            "maxProperties": {"$ref": "#/$defs/count"}, "minProperties": {"$ref": "#/$defs/count"},
            "pattern": {"type": "string"}, "uniqueItems": {"type": "boolean"},
            "required": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
            "properties": {"type": "object", "additionalProperties": {"$ref": "#"}},
            "patternProperties": {"type": "object", "additionalProperties": {"$ref": "#"}},
            "$defs": {"type": "object", "additionalProperties": {"$ref": "#"}},
            "definitions": {"type": "object", "additionalProperties": {"$ref": "#"}},
            "additionalProperties": {"$ref": "#"}, "propertyNames": {"$ref": "#"},
            "items": {"anyOf": [{"$ref": "#"}, {"type": "array", "items": {"$ref": "#"}}]},
            "contains": {"$ref": "#"}, "not": {"$ref": "#"},
            "if": {"$ref": "#"}, "then": {"$ref": "#"}, "else": {"$ref": "#"},
            "allOf": {"$ref": "#/$defs/some"}, "anyOf": {"$ref": "#/$defs/some"},
            "oneOf": {"$ref": "#/$defs/some"}},
        "$defs": {
            "kind": {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]},
            "count": {"type": "integer", "minimum": 0},
            "some": {"type": "array", "minItems": 1, "items": {"$ref": "#"}}}
        }'::jsonb, schema::jsonb) = '{}';
