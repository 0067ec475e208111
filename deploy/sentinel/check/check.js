// Parses and type-checks Kusto queries: a JSON document in, a JSON document out.
//
// In: {"tables": {name: "(column:type, ...)"}, "functions": [{"name", "parameters", "body"}], "queries": [{"name", "query"}]}, parameters as in
// "(window:timespan)". Out: [{"name", "diagnostics": [{"code", "severity", "message", "text"}], "columns": {name: type}}], a row for each query.
'use strict';
const fs = require('node:fs');
const home = '@kusto/language-service-next';
require(`${home}/bridge.js`);
require(`${home}/Kusto.Language.Bridge.js`);
const { GlobalState, KustoCode, Symbols } = Kusto.Language;

const list = (enumerable) => Bridge.toArray(enumerable);

function database({ tables, functions }) {
    const symbols = [
        ...Object.entries(tables).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, null)),
        ...functions.map(({ name, parameters, body }) => new Symbols.FunctionSymbol.$ctor16(name, parameters, body, null)),
    ];
    return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor1('workspace', symbols, false));
}

function check({ name, query }, globals) {
    const code = KustoCode.ParseAndAnalyze(query, globals);
    const diagnostics = list(code.GetDiagnostics()).map((found) => ({
        code: found.Code,
        severity: found.Severity,
        message: found.Message,
        text: query.substr(found.Start, found.Length),
    }));
    const columns = code.ResultType?.Columns ? list(code.ResultType.Columns).map((column) => [column.Name, column.Type.Name]) : [];
    return { name, diagnostics, columns: Object.fromEntries(columns) };
}

const input = JSON.parse(fs.readFileSync(0, 'utf8'));
const globals = database(input);
process.stdout.write(JSON.stringify(input.queries.map((row) => check(row, globals))));
