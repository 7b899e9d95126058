# Configures a server by hand, as somebody did before there was a program: by_hand.sh URL PLUGIN_DIRECTORY
set -e
mkdir -p "$2"
cp "$(dirname "$0")"/plugins/*.py "$2"

configure() {
  curl --silent --show-error --fail --retry 20 --retry-delay 1 --retry-connrefused \
    --header 'Content-Type: application/json' --data "$2" "$1"
}

configure "$1/api/v3/configure/database" '{"db": "machines"}'
configure "$1/api/v3/configure/processing_engine_trigger" '{
  "db": "machines",
  "trigger_name": "cpu_alert",
  "plugin_filename": "cpu_alert.py",
  "trigger_specification": "table:cpu",
  "trigger_arguments": {"threshold": "80"},
  "trigger_settings": {"run_async": false, "error_behavior": "log"},
  "disabled": false
}'
configure "$1/api/v3/configure/processing_engine_trigger" '{
  "db": "machines",
  "trigger_name": "alerts",
  "plugin_filename": "alerts.py",
  "trigger_specification": "request:alerts",
  "trigger_arguments": {"token": "of-the-dashboard"},
  "trigger_settings": {"run_async": false, "error_behavior": "log"},
  "disabled": false
}'
